import gc
import threading
import weakref
from itertools import cycle

import numpy as np
import pytest

from pipelines.clip_analysis.tracking import parallel_tracking
from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.parallel_tracking import (
    NEW_REFERENCE_AFTER,
    track_in_parallel,
)
from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.clip_analysis.tracking.tracker import MotionTracker, TrackedMotion
from pipelines.errors import InputError


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    monkeypatch.setattr(parallel_tracking, "_PART", 12)


@pytest.fixture(scope="module")
def crop(portrait, portrait_landmarks):
    return reference_crop(portrait, portrait_landmarks)


@pytest.fixture(scope="module")
def smiling(crop, moved):
    """A smile that comes and goes while the head drifts: 30 frames, in three parts."""
    frames = []
    for k in range(30):
        affine = np.array([[0.0, 0.0], [0.0, 0.0], [0.8 * k, -0.3 * k]])
        picture, landmarks, _ = moved(affine, smile=5 * abs(np.sin(k * np.pi / 13)))
        frames.append(ClipFrame(k, picture, landmarks, crop))
    return frames


@pytest.fixture
def clip(smiling):
    return list(smiling)


def with_picture(frame, picture):
    return ClipFrame(frame.number, picture, frame.landmarks, frame.reference)


def same(one: ClipFrame, other: ClipFrame) -> bool:
    if one.motion is None or other.motion is None:
        return one.motion is other.motion
    return (one.number, one.status, one.reference.number) == (
        other.number, other.status, other.reference.number,
    ) and np.array_equal(one.motion.flow, other.motion.flow)  # fmt: skip


def test_the_same_motion_as_by_one_tracker(clip, crop, dis):
    tracker = MotionTracker(crop, dis)
    found = list(track_in_parallel(clip, dis, threads=2))
    assert [frame.number for frame in found] == list(range(30))
    for given, frame in zip(clip, found, strict=True):
        expected = tracker(given.picture, given.landmarks)
        assert frame.status == expected.status
        apart = np.linalg.norm(frame.motion.flow - expected.flow, axis=-1)[crop.face]
        assert apart.mean() < 0.02
    assert np.linalg.norm(expected.flow, axis=-1)[crop.face].mean() > 10


def test_any_number_of_threads_finds_the_same(clip, dis):
    one, three = (list(track_in_parallel(clip, dis, threads)) for threads in (1, 3))
    assert all(map(same, one, three))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_track_that_is_lost_between_two_parts(clip, crop, dis, threads):
    """Frames that show nothing of the face before and after the border of a part, and then another face."""
    for k in range(10, 30):
        clip[k] = with_picture(clip[k], 255 - clip[k].picture)
    found = list(track_in_parallel(clip, dis, threads))
    new = 10 + NEW_REFERENCE_AFTER - 1
    statuses = ["restarted", *["tracked"] * 9, *["lost"] * (NEW_REFERENCE_AFTER - 1), "restarted"]
    assert [frame.status for frame in found] == statuses + ["tracked"] * (29 - new)
    assert [frame.reference.number for frame in found] == [0] * new + [new] * (30 - new)


def test_a_new_shot_has_a_reference_of_its_own(clip, dis):
    """It starts in the middle of a part, after frames without a face."""
    other = reference_crop(clip[25].picture, clip[25].landmarks, 25)
    for k in range(18, 30):
        clip[k] = ClipFrame(k, clip[k].picture, None if k < 21 else clip[k].landmarks, other)
    found = list(track_in_parallel(clip, dis, threads=2))
    assert [frame.reference.number for frame in found] == [0] * 18 + [25] * 12
    assert [frame.status for frame in found[16:23]] == ["tracked"] * 2 + ["no_face"] * 3 + [
        "restarted",
        "tracked",
    ]
    assert np.abs(found[25].motion.flow[other.face]).max() < 0.05


class Remembering:
    """A tracker that is lost where it starts by landmarks from frame 8 on, and else tracks."""

    def __init__(self, crop, estimate):
        self.reference, self._estimate, self._is_tracking = crop, estimate, False

    def reset(self):
        self._is_tracking = False

    def __call__(self, picture, landmarks):
        flow, valid = self._estimate(picture, picture)
        self._is_tracking = self._is_tracking or landmarks[0, 0] < 8
        status = "tracked" if self._is_tracking else "lost"
        return TrackedMotion(flow, flow[..., 0], valid, 1.0, picture, flow, status)


def test_a_start_that_is_lost_is_not_taken(monkeypatch, crop):
    """Where the running track holds and landmarks do not, parts are tracked one after the other."""
    monkeypatch.setattr(parallel_tracking, "MotionTracker", Remembering)
    still = np.zeros((4, 4, 2), np.float32), np.ones((4, 4), bool)
    picture = np.zeros((4, 4, 3), np.uint8)
    frames = [ClipFrame(k, picture, np.full((478, 2), k, np.float32), crop) for k in range(60)]
    found = list(track_in_parallel(frames, lambda one, other: still, threads=2))
    assert [frame.status for frame in found] == ["tracked"] * 60


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_make_no_difference_after_a_new_reference(clip, crop, dis, threads):
    """Lost, another reference, and a cut in the middle of a part: by threads, and by one tracker."""
    other = reference_crop(clip[25].picture, clip[25].landmarks, 25)
    for k in range(2, 30):
        picture = 255 - clip[k].picture if k < 17 else clip[k].picture
        clip[k] = ClipFrame(k, picture, clip[k].landmarks, crop if k < 17 else other)
    clip += [ClipFrame(k, clip[29].picture, clip[29].landmarks, other) for k in range(30, 44)]
    found = list(track_in_parallel(clip, dis, threads))
    new = 2 + NEW_REFERENCE_AFTER - 1
    assert [frame.reference.number for frame in found] == [0] * new + [new] * (17 - new) + [25] * 27
    tracker = MotionTracker(other, dis)
    for given, frame in zip(clip[17:36], found[17:36], strict=True):
        expected = tracker(given.picture, given.landmarks)
        assert np.linalg.norm(frame.motion.flow - expected.flow, axis=-1)[other.face].mean() < 0.02
    reference = list(track_in_parallel(clip, dis, 3))
    assert all(map(same, found, reference))


def test_large_frames_are_tracked_one_after_the_other(clip, crop, dis, monkeypatch):
    """Few of them are in memory at a time, too few for parts that start earlier."""
    monkeypatch.setattr(parallel_tracking, "_MAX_BYTES", 3 * clip[0].picture.nbytes)
    read, ahead = 0, []

    def frames():
        nonlocal read
        for frame in clip:
            read += 1
            yield frame

    tracker = MotionTracker(crop, dis)
    for given, frame in zip(clip, track_in_parallel(frames(), dis, threads=4), strict=True):
        np.testing.assert_array_equal(frame.motion.flow, tracker(given.picture, given.landmarks).flow)
        ahead.append(read - frame.number)
    assert max(ahead) <= 6


def test_no_threads(clip, dis):
    with pytest.raises(InputError, match="0 threads: at least one must do the work"):
        list(track_in_parallel(clip, dis, threads=0))


def test_a_failing_estimator_is_reported(clip):
    def fails(frame1, frame2):
        raise InputError("too small")

    with pytest.raises(InputError, match="too small"):
        list(track_in_parallel(clip, fails, threads=2))


def test_work_stops_with_the_reader(clip, dis):
    """Parts in progress are not finished: each thread ends the call that it is in."""
    armed, release, calls = threading.Event(), threading.Event(), []

    def held(frame1, frame2):
        if armed.is_set():
            calls.append(1)
            release.wait(60)
        return dis(frame1, frame2)

    before = threading.active_count()
    frames = track_in_parallel(cycle(clip), held, threads=2)
    next(frames)
    assert threading.active_count() > before
    armed.set()
    threading.Timer(1.0, release.set).start()
    frames.close()
    assert len(calls) <= 2
    assert threading.active_count() <= before + 1  # the timer may be running


def test_frames_are_freed_at_once(clip, dis):
    """Without waiting for the garbage collector, which comes late for few large objects."""
    gc.disable()
    try:
        motions = [weakref.ref(frame.motion) for frame in track_in_parallel(clip, dis, threads=2)]
        assert sum(motion() is not None for motion in motions) == 0
    finally:
        gc.enable()
