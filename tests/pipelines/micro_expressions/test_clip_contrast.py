"""Long clips of a portrait that shows something: still, shifted, cut, and with parts without a face."""

import numpy as np
import pytest

from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.clip_contrast import clip_contrast
from pipelines.micro_expressions.spotting import interval_f1, spot_intervals

REACH = 5


@pytest.fixture(scope="module")
def dis():
    from keras_models.inference.estimators import get_estimator

    method = get_estimator("dis_medium")
    return lambda frame1, frame2: method(frame1, frame2)[0]


@pytest.fixture
def face_mesh():
    with FaceMesh(tracking=True) as mesh:
        yield mesh


def intervals_of(contrast, reach):
    found = spot_intervals(contrast.values, reach, contrast.stretches)
    return [(first, last) for first, _, last in found]


def coming_and_going(length, *middles):
    """How strong an expression is in each frame that comes and goes about some frames, within 11."""
    frames = np.arange(length)
    return sum(np.maximum(0, 1 - np.abs(frames - middle) / 5) for middle in middles)


def test_micro_expressions_in_a_long_clip(expressive, dis, face_mesh):
    """Two that come and go, and one expression that comes and stays, which is none."""
    strengths = coming_and_going(58, 12, 29)
    strengths[43:] = np.minimum(1, np.arange(15) / 5)
    emotions = ["surprise"] * 20 + ["positive"] * 38
    clip = [expressive(emotion, s) for emotion, s in zip(emotions, strengths, strict=True)]
    found = clip_contrast(clip, REACH, dis, face_mesh)
    assert interval_f1(intervals_of(found, REACH), [(7, 17), (24, 34)]) == 1
    assert found.stretches == [(0, 57)]
    assert found.without_face == []


def test_nothing_is_found_in_a_still_face(expressive, dis, face_mesh):
    still = [expressive("surprise", 0)] * 11
    assert spot_intervals(clip_contrast(still, REACH, dis, face_mesh).values, REACH) == []


def test_somebody_who_shifts_in_the_chair(expressive, dis, face_mesh):
    """130 pixels aside within ten frames, between two micro-expressions: nothing else is found."""
    clip = []
    for number, strength in enumerate(coming_and_going(66, 12, 52)):
        frame = np.full((280, 420, 3), 120, np.uint8)
        shift = round(130 * np.clip((number - 27) / 10, 0, 1))
        frame[:, 20 + shift : 260 + shift] = expressive("surprise", strength)
        clip.append(frame)
    found = clip_contrast(clip, REACH, dis, face_mesh)
    intervals = intervals_of(found, REACH)
    assert interval_f1(intervals, [(7, 17), (47, 57)]) == 1
    # The crop has followed: the face lies where it lay.
    eyes = np.array([150.0, 100.0])
    before, after = (
        similarity[:, :2] @ (eyes + [shift, 0]) + similarity[:, 2]
        for similarity, shift in ((found.similarity(10), 0), (found.similarity(65), 130))
    )
    np.testing.assert_allclose(after, before, atol=5)


def test_parts_without_a_face_are_left_out_and_named(expressive, dis, face_mesh):
    strengths = coming_and_going(60, 40)
    clip = [expressive("surprise", strength) for strength in strengths]
    for number in (*range(10), *range(20, 27)):
        clip[number] = np.full_like(clip[number], 15)
    found = clip_contrast(clip, REACH, dis, face_mesh)
    assert found.without_face == [(0, 9), (20, 26)]
    assert found.stretches == [(10, 19), (27, 59)]
    assert interval_f1(intervals_of(found, REACH), [(35, 45)]) == 1


def test_a_short_shot_of_somebody_else_is_no_expression(expressive, dis, face_mesh):
    """Seven frames of another picture: what differs from the frames before and after is the shot."""
    clip = [expressive("surprise", strength) for strength in coming_and_going(60, 42)]
    for number in range(15, 22):
        clip[number] = 255 - clip[number][:, ::-1] // 2
    found = clip_contrast(clip, REACH, dis, face_mesh)
    assert interval_f1(intervals_of(found, REACH), [(37, 47)]) == 1
    assert found.stretches[0] == (0, 14)
    assert found.stretches[-1] == (22, 59)


def test_a_high_frame_rate_is_sampled(expressive, dis, face_mesh):
    """At a reach of 24 frames every eighth is looked at; the interval is found all the same."""
    frames = np.arange(120)
    strengths = np.maximum(0, 1 - np.abs(frames - 60) / 24)
    looked_at = []

    def watched(frame1, frame2):
        looked_at.append(1)
        return dis(frame1, frame2)

    clip = [expressive("surprise", strength) for strength in strengths]
    found = clip_contrast(clip, 24, watched, face_mesh)
    assert interval_f1(intervals_of(found, 24), [(36, 84)]) == 1
    assert len(looked_at) == (15 - 3) + (15 - 6)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["sits_still", "shifts_in_chair"])
def test_two_movements_of_other_people(real_data, dis, face_mesh, name):
    from pipelines.io.video import read_frames

    clip = read_frames(real_data / "field_reports" / f"{name}.mp4")
    found = clip_contrast(clip, 6, dis, face_mesh)
    apexes = [apex for _, apex, _ in spot_intervals(found.values, 6, found.stretches)]
    np.testing.assert_allclose(apexes, [50, 200], atol=2)
