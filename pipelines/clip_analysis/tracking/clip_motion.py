"""Motion of a clip from its file: landmarks and references first, then every frame in order."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipelines.clip_analysis.tracking.clip_tracking import (
    ClipFrame,
    reference_crops,
    reference_frames,
    track_clip,
)
from pipelines.clip_analysis.tracking.given_landmarks import GivenLandmarks
from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.clip_analysis.tracking.survey import Shot, Survey, survey
from pipelines.clip_analysis.tracking.tracker import FlowEstimate
from pipelines.datasets.clip import Landmarks
from pipelines.errors import InputError
from pipelines.io.video import frame_count, read_frames
from pipelines.io.video_decoder import TruncatedClipError
from pipelines.landmarks.detector import FaceMesh

#: Called with the step (landmarks, motion), frames done, and about how many there are.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class ClipMotion:
    """A clip whose landmarks are known, and whose motion is computed while it is iterated over.

    Attributes:
        survey: what the first pass has found.
        references: number of the reference frame of each shot that has a face.
        frames: every frame with its motion, in order; can be iterated once.
        cut_off: count of intact frames of a file that is cut off; None if it is whole.
        added: numbers of frames that have replaced a reference; complete after the last frame.
    """

    survey: Survey
    references: dict[Shot, int]
    frames: Iterator[ClipFrame]
    cut_off: int | None = None
    added: list[int] = field(default_factory=list)


@contextmanager
def clip_motion(
    clip: Path,
    estimate: FlowEstimate,
    reference: int | None = None,
    landmarks: Landmarks | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Iterator[ClipMotion]:
    """Find the face in every frame of a clip, and follow its motion against a reference frame.

    The clip is read three times and never held: landmarks, the crops of the references, and the motion.

    Args:
        clip: a video or a folder of pictures.
        estimate: estimator of the flow between two crops.
        reference: number of the reference frame; found if not given.
        landmarks: reads the 68 landmarks of each frame that another program has found; Face Mesh by default.
        progress: called after each frame.

    Raises:
        InputError: if the clip cannot be read or has no face, or for a reference that does not exist or has
            no face.
    """
    stated = frame_count(clip)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = LandmarkStore(scratch / "landmarks")
        stack.callback(store.close)
        faces = GivenLandmarks(landmarks()) if landmarks else stack.enter_context(FaceMesh(tracking=True))

        def on_frame(number: int) -> None:
            progress("landmarks", number + 1, max(stated, number + 1))

        cut_off: list[int] = []
        try:
            found = survey(intact_frames(clip, cut_off.append), faces, store, on_frame)
        except InputError as error:
            raise InputError(f"{clip}: {error}" if str(clip) not in str(error) else str(error)) from error
        references = reference_frames(found, reference, store)
        crops = reference_crops(intact_frames(clip), references, store)
        added: list[int] = []
        tracked = track_clip(intact_frames(clip), found, crops, store, estimate, added.append)
        frames = _with_progress(tracked, found.frames, progress)
        yield ClipMotion(found, references, frames, cut_off[0] if cut_off else None, added)


def intact_frames(
    clip: Path, on_cut_off: Callable[[int], None] = lambda frames: None
) -> Iterator[np.ndarray]:
    """Yield the frames of a clip up to where it is cut off, and tell how many they are if it is."""
    number = -1
    try:
        for frame in read_frames(clip):
            number += 1
            yield frame
    except TruncatedClipError:
        if number < 0:
            raise
        on_cut_off(number + 1)


def _with_progress(frames: Iterator[ClipFrame], total: int, progress: Progress) -> Iterator[ClipFrame]:
    for frame in frames:
        progress("motion", frame.number + 1, total)
        yield frame
