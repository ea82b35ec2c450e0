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
from dataclasses import dataclass, replace

import numpy as np

from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop, reference_crop
from pipelines.clip_analysis.tracking.tracker import FlowEstimate, MotionTracker
from pipelines.cores import num_cores
from pipelines.errors import InputError

#: Number of lost frames in a row with a face, after which the face is taken to be another person's.
NEW_REFERENCE_AFTER = 10

_PART, _EARLIER = 32, 4  # frames of a part, and frames before it from which it starts
_MAX_BYTES = 64e6  # of the frames of a part
_MAX_THREADS = 4  # each holds the frames and the motion of a part


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

    def step(self, frame: ClipFrame, estimate: FlowEstimate) -> "tuple[_Track, ClipFrame]":
        """Track the next frame."""
        picture, points, crop = frame.picture, frame.landmarks, frame.reference
        tracker, lost = self.tracker, self.lost
        if crop is not self.crop:
            tracker, lost = crop and MotionTracker(crop, estimate), 0
        motion = None
        if tracker and points is None:
            tracker.reset()
        elif tracker:
            motion = tracker(picture, points)
            lost = lost + 1 if motion.status == "lost" else 0
            if lost == NEW_REFERENCE_AFTER:
                tracker, lost = MotionTracker(reference_crop(picture, points, frame.number), estimate), 0
                motion = tracker(picture, points)
        found = replace(frame, reference=tracker and tracker.reference, motion=motion)
        return _Track(crop, tracker, lost), found


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a clip: its frames, and those just before it; none before the first part of the clip."""

    frames: Sequence[ClipFrame]
    earlier: Sequence[ClipFrame]
    is_first: bool = False

    def tracked(self, estimate: FlowEstimate) -> tuple[_Track, _Track, list[ClipFrame]]:
        """Track the part by itself. Return the states before and after it, and its frames.

        If the track is lost before it, the part is left out, because it starts otherwise.
        """
        begin, _ = _tracked(_Track(), self.earlier, estimate)
        if begin.lost and self.frames[0].reference is begin.crop:
            return begin, begin, []
        return begin, *_tracked(begin, self.frames, estimate)


class _InProgress:
    """A part that a thread tracks by itself, or that waits for the part before it."""

    def __init__(self, part: _Part, pool: ThreadPoolExecutor, estimate: FlowEstimate, alone: bool):
        self.part = part
        self._stopped = stopped = threading.Event()

        # The result refers to this function. If it referred to `self`, which has the result, the frames would
        # be in memory until the garbage collector finds the cycle.
        def unless_stopped(crop1: np.ndarray, crop2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if stopped.is_set():
                raise CancelledError  # ends the thread's work; nobody reads its result
            return estimate(crop1, crop2)

        self.result: Future | None = pool.submit(part.tracked, unless_stopped) if alone else None

    def stop(self) -> None:
        """Stop at the next frame."""
        self._stopped.set()
        if self.result:
            self.result.cancel()


def _tracked(
    track: _Track, frames: Sequence[ClipFrame], estimate: FlowEstimate
) -> tuple[_Track, list[ClipFrame]]:
    found = []
    for frame in frames:
        track, each = track.step(frame, estimate)
        found.append(each)
    return track, found


def track_in_parallel(
    frames: Iterable[ClipFrame], estimate: FlowEstimate, threads: int | None = None
) -> Iterator[ClipFrame]:
    """Track the face through a clip.

    Args:
        frames: frames of the clip, in order, each with the reference of its shot and without motion; read one
            by one, with the parts in progress in memory.
        estimate: estimator of the flow between two crops. It is called by several threads.
        threads: number of threads beside the calling one; by default one more than there are cores, because
            threads wait for one another now and then, and at most 4. The result does not depend on it.

    Yields:
        Every frame, in order.

    Raises:
        InputError: if there is no thread.
    """
    threads = min(_MAX_THREADS, num_cores() + 1) if threads is None else threads
    if threads < 1:
        raise InputError(f"{threads} threads: at least one must do the work")
    pool = ThreadPoolExecutor(threads)
    waiting: deque[_InProgress] = deque()
    track, found = _Track(), []
    try:
        for part in _parts(frames):
            # Where the reference of its shot was replaced, a part needs the one before it.
            after_new_reference = track.is_replaced and part.frames[0].reference is track.crop
            alone = part.is_first or (bool(part.earlier) and not after_new_reference)
            waiting.append(_InProgress(part, pool, estimate, alone))
            while waiting and (len(waiting) > threads or waiting[0].result is None):
                track, found = _after(track, found, waiting[0], estimate)
                waiting.popleft()
                yield from found
        while waiting:
            track, found = _after(track, found, waiting[0], estimate)
            waiting.popleft()
            yield from found
    finally:
        for each in waiting:
            each.stop()
        pool.shutdown(cancel_futures=True)


def _after(
    track: _Track, before: list[ClipFrame], work: _InProgress, estimate: FlowEstimate
) -> tuple[_Track, list[ClipFrame]]:
    """Return what is found in a part, where `track` and `before` are what was found in the part before it."""
    crop = work.part.frames[0].reference
    # A track that is lost, or has another reference, depends on more than the frames just before the part.
    usual = not track.lost and all(each.reference is crop for each in before[-_EARLIER:])
    if work.result is not None and (work.part.is_first or crop is not track.crop or usual):
        begin, end, found = work.result.result()
        if work.part.is_first or crop is not track.crop or not begin.lost:
            return end, found
    work.stop()
    return _tracked(track, work.part.frames, estimate)


def _parts(frames: Iterable[ClipFrame]) -> Iterator[_Part]:
    part, earlier, is_first = [], [], True
    for frame in frames:
        part.append(frame)
        length = max(1, min(_PART, int(_MAX_BYTES / frame.picture.nbytes)))
        # Parts of large frames are too short to be worth an earlier start.
        parallel = length >= 2 * _EARLIER
        if len(part) >= length:
            yield _Part(part, earlier, is_first and parallel)
            part, earlier, is_first = [], part[-_EARLIER:] if parallel else [], False
    if part:
        yield _Part(part, earlier)
