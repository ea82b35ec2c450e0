"""The flow of a face from one frame of a clip to every other, as files."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from keras_models.inference.clip_flow import INCOMPLETE, ClipFlow, CostCheck, preview
from keras_models.inference.estimators import Estimator
from pipelines.clip_analysis.tracking.clip_motion import clip_motion
from pipelines.files import replacing
from pipelines.io.flow_io import write_flow
from pipelines.io.video import frame_rate, write_video


def write_reference_flow(
    clip: Path,
    out: Path,
    estimate: Estimator,
    reference: int,
    *,
    suffix: str = ".flo",
    unlimited: bool = False,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> ClipFlow:
    """Write a folder with the flow of the face from a reference frame to each frame, and flow.mp4.

    `00007.flo` is the flow from the reference to frame 7, on the reference frame's grid and in its pixels,
    known in the face. The face is tracked as `faceflow analyze` does. Frames without a flow (no face, a track
    that is lost, another shot) are listed in `incomplete.txt`.

    Args:
        clip: a video, or a folder of pictures.
        out: folder to write, a new one.
        estimate: estimator of the flow.
        reference: number of the reference frame.
        suffix: format of the files: .flo, .npz or .png (KITTI).
        unlimited: do not stop at 4 GB or half an hour.
        progress: called with the step (landmarks, motion), frames done, and about how many there are.

    Raises:
        InputError: as `clip_motion`; if the flows take more than the limits or the disk has left.
    """
    came_to = ClipFlow(reference=reference)
    with replacing(out) as part, clip_motion(clip, estimate, reference, progress=progress) as motion:
        part.mkdir()
        cost = CostCheck(clip, out, motion.survey.frames, "or write --format npz or png", unlimited)

        def pictures() -> Iterator[np.ndarray]:
            for frame in motion.frames:
                if frame.reference is None or frame.reference.number != reference or not frame.known:
                    came_to.without_face.append(frame.number)
                    yield preview(frame.picture)
                    cost.skipped()
                    continue
                shape = frame.picture.shape[:2]
                flow, valid = frame.reference.frame_flow(frame.motion.flow, shape)
                valid &= frame.reference.in_frame(frame.motion.valid, shape)
                path = part / f"{frame.number:05d}{suffix}"
                write_flow(path, np.where(valid[..., None], flow, np.float32(0)), valid)
                came_to.flows += 1
                yield preview(frame.picture, flow, valid)
                cost.written(path, shape)

        shown = pictures()
        write_video(part / "flow.mp4", chain([next(shown)], shown), frame_rate(clip))
        if motion.intact_frames:
            came_to.failure = f"{clip}: the file is truncated after {motion.intact_frames} frames"
        if report := came_to.report():
            (part / INCOMPLETE).write_text(f"{clip}\n{report}\n", encoding="utf-8")
    return came_to
