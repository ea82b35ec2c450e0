"""Second pass over a clip: the motion of every frame relative to the reference frame of its shot."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.clip_analysis.tracking.parallel_tracking import track_in_parallel
from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop, reference_crop
from pipelines.clip_analysis.tracking.survey import Shot, Survey
from pipelines.clip_analysis.tracking.tracker import FlowEstimate
from pipelines.errors import InputError
from pipelines.image.warping import squared_length

# Change of the flow from frame to frame that is taken to be an error of the estimator, pixels of the crop.
_TIME_ERROR = 0.15


def reference_frames(found: Survey, named: int | None, store: LandmarkStore) -> dict[Shot, int]:
    """Return the number of the reference frame of every shot with a face.

    Args:
        found: result of the first pass.
        named: number of a frame that the user chose as the reference of its shot; None for the automatic
            choice in all shots.
        store: landmarks of all frames.

    Raises:
        InputError: if the named frame does not exist or has no face.
    """
    references = {shot: shot.reference for shot in found.shots if shot.reference is not None}
    if named is None:
        return references
    if not 0 <= named < found.frames:
        raise InputError(f"--reference {named}: the clip has {found.frames} frames, 0 to {found.frames - 1}")
    if store[named] is None:
        raise InputError(f"--reference {named}: no face found in this frame; name another one")
    return references | {found.shot_of(named): named}


def reference_crops(
    frames: Iterable[np.ndarray], references: dict[Shot, int], store: LandmarkStore
) -> dict[Shot, ReferenceCrop]:
    """Make the crops of the reference frames; read the clip only as far as needed."""
    wanted = {number: shot for shot, number in references.items()}
    crops, last = {}, max(wanted)
    for number, frame in enumerate(frames):
        if number in wanted:
            crops[wanted[number]] = reference_crop(frame, store[number], number)
        if number == last:
            break
    return crops


def track_clip(
    frames: Iterable[np.ndarray],
    found: Survey,
    crops: dict[Shot, ReferenceCrop],
    store: LandmarkStore,
    estimate: FlowEstimate,
    on_new_reference: Callable[[int], None] = lambda number: None,
    threads: int | None = None,
) -> Iterator[ClipFrame]:
    """Track the face through a clip.

    Args:
        frames: frames, uint8 [H, W, 3] RGB each; read one by one, with some tens in memory.
        found: result of the first pass.
        crops: crop of the reference frame of each shot.
        store: landmarks of all frames.
        estimate: estimator of the flow between two crops. It is called by several threads.
        on_new_reference: function to call with the number of a frame that becomes a new reference.
        threads: number of threads beside the calling one, see `track_in_parallel`.

    Yields:
        Every frame, in order.
    """
    crop_of_frame = (crops.get(shot) for shot in found.shots for _ in range(shot.first, shot.last + 1))
    given = (
        ClipFrame(number, frame, store[number], crop)
        for number, (crop, frame) in enumerate(zip(crop_of_frame, frames, strict=False))
    )
    tracked = track_in_parallel(given, estimate, threads)
    return steadied(_reporting_new_references(tracked, crops, on_new_reference))


def _reporting_new_references(
    frames: Iterator[ClipFrame], crops: dict[Shot, ReferenceCrop], on_new_reference: Callable[[int], None]
) -> Iterator[ClipFrame]:
    known = {crop.number for crop in crops.values()}
    for frame in frames:
        if frame.reference is not None and frame.reference.number not in known:
            known.add(frame.reference.number)
            on_new_reference(frame.reference.number)
        yield frame


def steadied(frames: Iterable[ClipFrame]) -> Iterator[ClipFrame]:
    """Reduce errors of the flow that change from frame to frame, using the previous and the next frame.

    Args:
        frames: frames of a clip, in order; three of them are in memory.

    Yields:
        The same frames with steadier motion.
    """
    before: ClipFrame | None = None
    frame: ClipFrame | None = None
    for after in frames:
        if frame is not None:
            yield _between(before, frame, after)
        before, frame = frame, after
    if frame is not None:
        yield frame


def _between(before: ClipFrame | None, frame: ClipFrame, after: ClipFrame) -> ClipFrame:
    three = (before, frame, after)
    if any(each is None or each.motion is None or each.motion.status == "lost" for each in three):
        return frame
    if not before.reference is frame.reference is after.reference:
        return frame
    own = [each.motion.expression for each in three]
    mean = (own[0] + 2 * own[1] + own[2]) / 4
    # A larger difference is motion, such as a blink or a fast lip.
    change = cv2.GaussianBlur(squared_length(own[1] - mean), (0, 0), 2.0)[..., None]
    steady = mean + (own[1] - mean) * (change / (change + _TIME_ERROR**2))
    return replace(frame, motion=replace(frame.motion, flow=frame.motion.head + steady))
