import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.clip_contrast import clip_contrast
from pipelines.micro_expressions.onset_apex import aligned_pair
from pipelines.micro_expressions.spotting import (
    apex_of,
    interval_f1,
    overlap,
    spot_apex,
    spot_intervals,
    strengths_of,
)


@pytest.fixture(scope="module")
def dis():
    from keras_models.inference.estimators import get_estimator

    method = get_estimator("dis_medium")
    return lambda frame1, frame2: method(frame1, frame2)[0]


@pytest.fixture(scope="module")
def face_mesh():
    with FaceMesh() as mesh:
        yield mesh


def test_a_single_outlier_is_no_apex():
    curve = np.sin(np.linspace(0, np.pi, 21))
    curve[3] = 1.05
    assert abs(apex_of(curve) - 10) <= 1


def test_the_apex_of_an_expression_that_is_held_is_its_middle():
    curve = np.interp(np.arange(72), [0, 12, 24, 66, 71], [0, 0.1, 1, 1, 0.6])
    curve += np.random.default_rng(0).normal(0, 0.03, 72)
    assert abs(apex_of(curve) - 45) <= 3


def mouth_and_brows():
    """Two fields that no motion of the head looks like, [224, 224, 2], one pixel at most each."""
    y, x = np.mgrid[:224, :224].astype(np.float32)
    mouth = np.exp(-((x - 112) ** 2 + (y - 165) ** 2) / 400)
    brows = np.exp(-((x - 112) ** 2 + (y - 70) ** 2) / 400)
    return np.stack([mouth, 0 * mouth], -1), np.stack([0 * brows, brows], -1)


def test_an_even_drift_hides_no_apex():
    """What drifts has moved further at the end than the expression at its apex."""
    mouth, brows = mouth_and_brows()
    times = np.arange(1, 25) / 24
    bump = np.exp(-(((times - 0.4) / 0.1) ** 2))
    flows = 0.55 * bump[:, None, None, None] * mouth + times[:, None, None, None] * brows
    lengths = np.linalg.norm(flows, axis=-1).mean(axis=(1, 2))
    assert np.argmax(lengths) > 20
    found = strengths_of(flows.astype(np.float32), times)
    assert abs(times[apex_of(found)] - 0.4) < 0.05


def test_an_expression_that_stays_is_no_drift():
    mouth, _ = mouth_and_brows()
    times = np.arange(1, 25) / 24
    rise = 0.5 - 0.5 * np.cos(np.pi * times)
    found = strengths_of((rise[:, None, None, None] * mouth).astype(np.float32), times)
    np.testing.assert_allclose(found / found[-1], rise, atol=1e-5)


@pytest.mark.parametrize("apex", [5, 12])
def test_the_apex_of_a_clip(expressive, dis, face_mesh, apex):
    times = np.arange(18)
    strengths = np.interp(times, [0, apex, 17], [0, 1, 0.2])
    clip = [expressive("positive", strength) for strength in strengths]
    found = spot_apex(clip, dis, face_mesh)
    assert abs(found.frame - apex) <= 1.8  # a tenth of the clip
    assert len(found.frames) == 17


def test_overlap_and_f1_by_hand():
    assert overlap((0, 9), (5, 14)) == pytest.approx(5 / 15)
    assert overlap((0, 9), (10, 12)) == 0
    assert overlap((3, 7), (3, 7)) == 1
    true = [(0, 9), (50, 59)]
    # The first is hit at 8 / 12; the second hit of the same one does not count, and one is missed.
    assert interval_f1([(2, 11), (0, 9), (80, 90)], true) == pytest.approx(2 * 1 / 5)
    assert interval_f1([(0, 9), (55, 64)], true) == pytest.approx(2 * 1 / 4)
    assert interval_f1([], []) == 1
    assert interval_f1([], true) == 0


def test_bad_input(expressive, dis, face_mesh):
    still = expressive("surprise", 0)
    blank = np.full_like(still, 90)
    with pytest.raises(InputError, match="film: a clip of one frame has no apex"):
        spot_apex([still], dis, face_mesh, "film")
    with pytest.raises(InputError, match="film, frame 0: no face found"):
        spot_apex([blank, still], dis, face_mesh, "film")
    with pytest.raises(InputError, match="too short to spot in: frames 12, at least 13"):
        clip_contrast([still] * 12, 6, dis, face_mesh)
    with pytest.raises(InputError, match="no face found in any frame"):
        clip_contrast([blank] * 13, 6, dis, face_mesh)
    with pytest.raises(InputError, match="apex: no face found where the other frame has one"):
        aligned_pair(still, blank, dis, face_mesh)
    with pytest.raises(InputError, match="one size, not 240x280 and 240x140"):
        aligned_pair(still, still[:140], dis, face_mesh)


@pytest.mark.parametrize("apart", [7, 8, 10])
def test_the_weaker_of_two_near_movements_has_an_apex_of_its_own(apart):
    frames = np.arange(120)
    contrast = sum(
        height * np.exp(-(((frames - middle) / 2.0) ** 2))
        for middle, height in ((50, 1.0), (50 + apart, 0.6))
    )
    (first, second) = spot_intervals(contrast, 6)
    assert (first[0], first[2]) == (first[1] - 6, first[1] + 6)
    assert abs(first[1] - 50) <= 1
    assert abs(second[1] - (50 + apart)) <= 1
    assert second[0] < second[1] < second[2]


def test_an_interval_ends_with_its_stretch():
    """A peak two frames behind a cut: nothing of the shot before belongs to it."""
    contrast = np.exp(-(((np.arange(100) - 42) / 3.0) ** 2))
    contrast[:40] = 0
    assert spot_intervals(contrast, 6, [(0, 39), (40, 99)]) == [(40, 42, 48)]
    assert spot_intervals(contrast, 6) == [(36, 42, 48)]


def test_intervals_with_an_apex_count_from_onset_to_offset():
    assert interval_f1([(24, 30, 36)], [(26, 38)]) == interval_f1([(24, 36)], [(26, 38)]) == 1
    assert interval_f1(np.array([[24, 36], [50, 60]]), np.array([[26, 38]])) == pytest.approx(2 / 3)
    assert interval_f1(np.zeros((0, 2)), np.zeros((0, 2))) == 1
