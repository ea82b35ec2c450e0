"""Tracking of the parts of a clip in parallel threads.

Each frame is tracked from the frame before it, so the frames of a clip wait for one another. A track keeps
little of the past, however: one that starts from the landmarks a few frames earlier finds the same motion.
The clip is therefore cut into parts that are tracked at the same time, each from a few frames earlier on.
Where the start of a part depends on more of the past, because the track was lost or the reference was
replaced, the part is tracked after the part before it.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop, reference_crop
from pipelines.clip_analysis.tracking.tracker import FlowEstimate, MotionTracker
from pipelines.cores import num_cores

#: Number of lost frames in a row with a face, after which the face is taken to be another person's.
NEW_REFERENCE_AFTER = 10

_PART, _EARLIER = 32, 4  # frames of a part, and frames before it from which it starts
_MOST_BYTES = 64e6  # of the frames of a part
_MOST_THREADS = 4  # each holds the frames and the motion of a part


@dataclass(frozen=True, eq=False)
class FrameToTrack:
    """A frame of a clip whose landmarks are known.

    Attributes:
        number: number of the frame, from 0.
        picture: the frame, uint8 [H, W, 3], RGB.
        landmarks: landmarks of the face, float32 [478, 2], pixels of the frame; None without a face.
        crop: crop of the reference frame of its shot; None in a shot without a face.
    """

    number: int
    picture: np.ndarray
    landmarks: np.ndarray | None
    crop: ReferenceCrop | None


@dataclass(frozen=True, eq=False)
class _Track:
    """State after a frame.

    Attributes:
        crop: crop of the reference frame of the shot.
        tracker: tracker, perhaps with another reference; None in a shot without a face.
        lost: number of lost frames in a row.
    """

    crop: ReferenceCrop | None = None
    tracker: MotionTracker | None = None
    lost: int = 0

    @property
    def is_replaced(self) -> bool:
        """Whether the reference of the shot was replaced."""
        return self.tracker is not None and self.tracker.reference is not self.crop

    def step(self, frame: FrameToTrack, estimate: FlowEstimate) -> "tuple[_Track, ClipFrame]":
        """Track the next frame."""
        number, picture, points = frame.number, frame.picture, frame.landmarks
        tracker, lost = self.tracker, self.lost
        if frame.crop is not self.crop:
            tracker, lost = frame.crop and MotionTracker(frame.crop, estimate), 0
        motion = None
        if tracker and points is None:
            tracker.reset()
        elif tracker:
            motion = tracker(picture, points)
            lost = lost + 1 if motion.status == "lost" else 0
            if lost == NEW_REFERENCE_AFTER:
                tracker, lost = MotionTracker(reference_crop(picture, points, number), estimate), 0
                motion = tracker(picture, points)
        found = ClipFrame(number, picture, points, tracker and tracker.reference, motion)
        return _Track(frame.crop, tracker, lost), found


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a clip: its frames, and those just before it."""

    frames: Sequence[FrameToTrack]
    earlier: Sequence[FrameToTrack]

    def tracked(self, estimate: FlowEstimate) -> tuple[_Track, list[ClipFrame]]:
        """Track the part by itself."""
        return _tracked(_tracked(_Track(), self.earlier, estimate)[0], self.frames, estimate)


def _tracked(
    track: _Track, frames: Sequence[FrameToTrack], estimate: FlowEstimate
) -> tuple[_Track, list[ClipFrame]]:
    found = []
    for frame in frames:
        track, each = track.step(frame, estimate)
        found.append(each)
    return track, found


def track_in_parallel(
    frames: Iterable[FrameToTrack], estimate: FlowEstimate, threads: int | None = None
) -> Iterator[ClipFrame]:
    """Track the face through a clip.

    Args:
        frames: frames of the clip, in order; read one by one, with the parts in progress in memory.
        estimate: estimator of the flow between two crops. It is called by several threads.
        threads: number of threads; by default one for each core, and at most 4. The result does not depend
            on it.

    Yields:
        Every frame, in order.
    """
    threads = min(_MOST_THREADS, num_cores()) if threads is None else threads
    stopped = threading.Event()

    def unless_stopped(crop1: np.ndarray, crop2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if stopped.is_set():
            raise CancelledError
        return estimate(crop1, crop2)

    pool = ThreadPoolExecutor(threads)
    waiting: deque[tuple[_Part, Future | None]] = deque()
    track, found = _Track(), []
    try:
        for part in _parts(frames):
            by_itself = (
                pool.submit(part.tracked, unless_stopped) if part.earlier and not track.is_replaced else None
            )
            waiting.append((part, by_itself))
            if len(waiting) > threads:
                track, found = _next(*waiting.popleft(), track, found, unless_stopped)
                yield from found
        while waiting:
            track, found = _next(*waiting.popleft(), track, found, unless_stopped)
            yield from found
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def _next(
    part: _Part, by_itself: Future | None, track: _Track, before: list[ClipFrame], estimate: FlowEstimate
) -> tuple[_Track, list[ClipFrame]]:
    """Return what is found in a part, where `track` and `before` are what was found in the part before it."""
    recent = before[-_EARLIER:]
    as_assumed = not track.lost and all(each.reference is track.crop for each in recent)
    if by_itself is not None and (as_assumed or part.frames[0].crop is not track.crop):
        return by_itself.result()
    if by_itself is not None:
        by_itself.cancel()
    return _tracked(track, part.frames, estimate)


def _parts(frames: Iterable[FrameToTrack]) -> Iterator[_Part]:
    part, earlier, length = [], [], _PART
    for frame in frames:
        part.append(frame)
        length = min(_PART, int(_MOST_BYTES / frame.picture.nbytes))
        if len(part) >= max(length, 2 * _EARLIER):
            yield _Part(part, earlier)
            # Parts of large frames are too short to be worth an earlier start.
            part, earlier = [], part[-_EARLIER:] if length >= 2 * _EARLIER else []
    if part:
        yield _Part(part, earlier)
