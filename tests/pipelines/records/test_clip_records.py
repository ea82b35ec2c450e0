"""Clips that are not as they should be, and the records of those that are."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipelines.datasets.clip import Clip
from pipelines.io import tfrecord_reader
from pipelines.io.images import write_image
from pipelines.labels import make_label
from pipelines.records.build_config import BuildConfig
from pipelines.records.clip_records import build_clip


@pytest.fixture
def face(portrait):
    return portrait[:320, 60:380]


@pytest.fixture
def nobody(face):
    return np.full_like(face, 90)


def clip_of(folder, frames, **facts):
    for number, frame in enumerate(frames):
        write_image(folder / f"{number}.png", frame)
    return Clip("anna", "clip", folder, **facts)


def read(folder):
    return list(
        tf.data.TFRecordDataset(str(folder / "clip.tfrecord")).map(tfrecord_reader.parse).as_numpy_iterator()
    )


def test_a_face_that_vanishes_for_some_frames(tmp_path, face, nobody):
    clip = clip_of(tmp_path / "a", [face] * 3 + [nobody] * 2 + [face] * 3)
    report = build_clip(clip, tmp_path, BuildConfig(), "key")
    assert (report.frames, report.without_face, report.pairs) == (8, 2, 4)
    assert [pair["numbers"].tolist() for pair in read(tmp_path)] == [[0, 1], [1, 2], [5, 6], [6, 7]]


def test_a_cut_to_no_face(tmp_path, face, nobody):
    report = build_clip(clip_of(tmp_path / "a", [face] * 3 + [nobody] * 3), tmp_path, BuildConfig(), "key")
    assert (report.without_face, report.pairs, report.failure) == (3, 2, None)


@pytest.mark.parametrize("numbers", [None, (*range(10), *range(500, 510))])
def test_smoothing_stops_at_cuts_and_missing_frames(tmp_path, face, numbers):
    """The face stands still, then is elsewhere: after a cut, or after frames that are not on disk."""
    other = np.ascontiguousarray(face[:, ::-1])
    if numbers:  # the same background, so that only the numbers tell
        other = np.roll(face, 15, axis=1)
    facts = {} if numbers is None else {"numbers": numbers}
    clip = clip_of(tmp_path / "a", [face] * 10 + [other] * 10, **facts)
    report = build_clip(clip, tmp_path, BuildConfig(smooth=True), "key")
    moved = {
        tuple(pair["numbers"]): np.abs(pair["landmarks2"] - pair["landmarks1"]).mean()
        for pair in read(tmp_path)
    }
    assert report.pairs == 18
    assert (9, 10) not in moved
    assert max(moved.values()) < 1  # smoothed over, 3 px and more on both sides


def test_a_frame_that_is_not_there(tmp_path, face):
    clip_of(tmp_path / "a", [face] * 2)
    frames = tuple(tmp_path / "a" / f"{number}.png" for number in (0, 1, 7))
    report = build_clip(Clip("anna", "clip", tmp_path / "a", frames), tmp_path, BuildConfig(), "key")
    assert "7.png: no such file" in report.failure
    assert report.frames == 2
    assert not (tmp_path / "clip.tfrecord").exists()


def test_a_damaged_picture_and_one_of_another_size(tmp_path, face):
    for name, damage, says in (
        ("cut", lambda path: path.write_bytes(path.read_bytes()[:-300]), "1.png: not a picture"),
        ("small", lambda path: write_image(path, face[:200]), "frame 1 is 320x200"),
    ):
        clip = clip_of(tmp_path / name, [face] * 3)
        damage(tmp_path / name / "1.png")
        assert says in build_clip(clip, tmp_path, BuildConfig(), "key").failure


def test_a_truncated_video(tmp_path, face):
    path = tmp_path / "talk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 320))
    for _ in range(20):
        writer.write(np.ascontiguousarray(face[..., ::-1]))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = build_clip(Clip("anna", "clip", path), tmp_path, BuildConfig(), "key")
    assert "talk.avi: truncated" in report.failure
    assert 5 < report.frames < 15
    assert [entry.name for entry in tmp_path.iterdir()] == ["talk.avi"]


def test_only_the_frames_of_a_pair(tmp_path, face):
    """Onset to apex in a video: the clip's other frames are looked at, and not written."""
    shifted = [np.roll(face, 3 * number, axis=1) for number in range(6)]
    clip = clip_of(tmp_path / "a", shifted, onset=1, apex=4)
    report = build_clip(clip, tmp_path, BuildConfig(pairs="onset_apex", smooth=False), "key")
    (pair,) = read(tmp_path)
    assert (report.frames, pair["numbers"].tolist()) == (6, [1, 4])
    np.testing.assert_array_equal(pair["frame1"], shifted[1])
    np.testing.assert_array_equal(pair["frame2"], shifted[4])
    np.testing.assert_allclose((pair["landmarks2"] - pair["landmarks1"]).mean(axis=0), [9, 0], atol=0.5)
    assert report.motion == [0, 0, 0, 0, 0, 0, 0, 1, 0]  # 8 to 16 px


def test_the_corpus_own_landmarks(tmp_path, face):
    own = [np.full((68, 2), 10.0 * number, np.float32) for number in range(3)]
    clip = clip_of(tmp_path / "a", [face] * 4, landmarks=lambda: [*own, None])
    report = build_clip(clip, tmp_path, BuildConfig(landmarks="corpus", smooth=False), "key")
    assert (report.frames, report.without_face, report.pairs) == (4, 1, 2)
    assert [pair["landmarks2"][5].tolist() for pair in read(tmp_path)] == [[10, 10], [20, 20]]
    report = build_clip(clip_of(tmp_path / "b", [face]), tmp_path, BuildConfig(landmarks="corpus"), "key")
    assert "no landmarks of its own" in report.failure


def test_a_stored_label(tmp_path, face):
    clip = clip_of(tmp_path / "a", [face, np.roll(face, 2, axis=1)])
    build_clip(clip, tmp_path, BuildConfig(label="mesh"), "key")
    (pair,) = read(tmp_path)
    label = make_label("mesh", *(pair[name] for name in ("frame1", "frame2", "landmarks1", "landmarks2")))
    np.testing.assert_array_equal(pair["flow"], label.flow)
    np.testing.assert_array_equal(pair["valid"], label.valid)
    np.testing.assert_allclose(pair["flow"][pair["valid"]].mean(axis=0), [2, 0], atol=0.3)
