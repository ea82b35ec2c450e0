"""Motion of a clip, read from its file: first landmarks and reference frames, then every frame in order."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.clip_tracking import (
    reference_crops,
    reference_frames,
    track_clip,
)
from pipelines.clip_analysis.tracking.given_landmarks import GivenLandmarks
from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.clip_analysis.tracking.survey import Shot, Survey, survey
from pipelines.clip_analysis.tracking.tracker import FlowEstimate
from pipelines.datasets.clip import Landmarks
from pipelines.errors import naming
from pipelines.io.video import frame_count, intact_frames
from pipelines.landmarks.detector import FaceMesh

#: Function that is called with the step (landmarks or motion), the frames done, and about how many there are.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class ClipMotion:
    """A clip with known landmarks, whose motion is computed while the frames are iterated over.

    Attributes:
        survey: result of the first pass.
        references: number of the reference frame of each shot with a face.
        frames: every frame with its motion, in order; can be iterated over once.
        intact_frames: number of intact frames of a truncated file; None if the file is complete.
        landmarks: landmarks of each frame.
        added: numbers of frames that replaced a reference; complete after the last frame.
    """

    survey: Survey
    references: dict[Shot, int]
    frames: Iterator[ClipFrame]
    landmarks: LandmarkStore
    intact_frames: int | None = None
    added: list[int] = field(default_factory=list)


@contextmanager
def clip_motion(
    clip: Path,
    estimate: FlowEstimate,
    reference: int | None = None,
    landmarks: Landmarks | None = None,
    progress: Progress = lambda step, done, total: None,
    threads: int | None = None,
) -> Iterator[ClipMotion]:
    """Find the face in every frame of a clip, and track its motion relative to a reference frame.

    The clip is streamed three times: for the landmarks, the reference crops, and the motion.

    Args:
        clip: path of a video or a folder of pictures.
        estimate: estimator of the flow between two crops.
        reference: number of the reference frame; by default it is chosen automatically.
        landmarks: reader of the 68 landmarks of each frame from another program; by default Face Mesh.
        progress: function to call after each frame.
        threads: number of threads beside the calling one, see `track_in_parallel`.

    Raises:
        InputError: if the clip cannot be read or has no face, or the reference frame does not exist or has no
            face.
    """
    stated = frame_count(clip)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = LandmarkStore(scratch / "landmarks")
        stack.callback(store.close)
        faces = GivenLandmarks(landmarks()) if landmarks else stack.enter_context(FaceMesh(tracking=True))

        def on_frame(number: int) -> None:
            progress("landmarks", number + 1, max(stated, number + 1))

        truncated: list[int] = []
        with naming(clip):
            found = survey(intact_frames(clip, truncated.append), faces, store, on_frame)
        references = reference_frames(found, reference, store)
        crops = reference_crops(intact_frames(clip, truncated.append), references, store)
        added: list[int] = []
        frames_again = intact_frames(clip, truncated.append)
        tracked = track_clip(frames_again, found, crops, store, estimate, added.append, threads)
        frames = _with_progress(tracked, found.frames, progress)
        stack.callback(frames.close)  # ends the threads, also if the reader fails
        yield ClipMotion(found, references, frames, store, truncated[0] if truncated else None, added)


def _with_progress(frames: Iterator[ClipFrame], total: int, progress: Progress) -> Iterator[ClipFrame]:
    for frame in frames:
        progress("motion", frame.number + 1, total)
        yield frame
