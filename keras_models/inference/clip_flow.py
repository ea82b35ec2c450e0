"""The flow of every frame of a clip to the next, as files: cost estimated first, partial results kept."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path

import cv2
import numpy as np

from keras_models.inference.frame_flow import Estimate
from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.io.flow_io import write_flow
from pipelines.io.video import frame_count, frame_rate, read_frames, write_video
from pipelines.landmarks.detector import NoFaceError
from pipelines.visualization.flow_color import flow_to_color

#: Name of the file that says what is missing from a folder of flows.
INCOMPLETE = "incomplete.txt"

_MOST_BYTES = 4 << 30  # of flow files that are written without being asked for
_MOST_SECONDS = 1800.0  # of work, likewise
_PREVIEW = 960  # pixels, width of a frame in flow.mp4 at most


@dataclass
class ClipFlow:
    """Result of the flow of a clip.

    Attributes:
        flows: number of flows that were written.
        without_face: numbers of the frames without a flow to the next, since one of the two has no face.
        failure: why the clip was not processed to its end; None if it was.
        reference: number of the frame from which all flows start; None for flows to the next frame.
    """

    flows: int = 0
    without_face: list[int] = field(default_factory=list)
    failure: str | None = None
    reference: int | None = None

    def report(self) -> str:
        """Say what is missing, one line for each reason; empty if nothing is."""
        lines = []
        if self.without_face and self.reference is None:
            lines.append(f"no flow from frame {ranges(self.without_face)} to the next: no face found")
        elif self.without_face:
            frames = ranges(self.without_face)
            lines.append(f"no flow from frame {self.reference} to frame {frames}: no face, or another one")
        if self.failure:
            lines.append(f"{self.failure}; {self.flows} flows before it are here")
        return "\n".join(lines)


def write_clip_flow(
    clip: Path,
    out: Path,
    estimate: Estimate,
    *,
    suffix: str = ".flo",
    size: int | None = None,
    unlimited: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> ClipFlow:
    """Write a folder with the flow of each frame to the next, and flow.mp4 with the frames beside their flow.

    `00007.flo` is the flow from frame 7 to frame 8. If the clip cannot be read to its end, or a frame has no
    face where one is needed, the other flows are kept, and `incomplete.txt` in the folder says what is
    missing.

    Args:
        clip: a video, or a folder of pictures.
        out: folder to write, a new one.
        estimate: estimator of the flow, as in `frame_flow`.
        suffix: format of the files: .flo, .npz or .png (KITTI).
        size: longer side to which frames are reduced first, pixels; the flow is in pixels of the reduced
            frames. None keeps their size.
        unlimited: do not stop at 4 GB or half an hour.
        progress: called with the number of flows done and the number expected.

    Raises:
        InputError: if the clip has less than two frames that can be read, or no flow came of it; without
            `unlimited`, if it takes more than the limits; if the disk has too little space.
    """
    came_to, total = ClipFlow(), max(frame_count(clip) - 1, 1)
    less = "reduce them with --size, or write --format npz or png"
    cost = CostCheck(clip, out, total, less, unlimited)
    with replacing(out) as part:
        part.mkdir()

        def pictures() -> Iterator[np.ndarray]:
            try:
                for number, (frame1, frame2) in enumerate(pairwise(_reduced(read_frames(clip), size))):
                    try:
                        estimated = estimate(frame1, frame2)
                    except NoFaceError:
                        came_to.without_face.append(number)
                        yield preview(frame1)
                        cost.skipped()
                        continue
                    path = part / f"{number:05d}{suffix}"
                    write_flow(path, estimated.flow, estimated.valid)
                    came_to.flows += 1
                    progress(number + 1, max(total, number + 1))
                    yield preview(frame1, estimated.flow, estimated.valid)
                    cost.written(path, frame1.shape)
            except TooMuchError:
                raise
            except InputError as error:
                if not came_to.flows:
                    raise
                came_to.failure = " ".join(str(error).split())

        shown = pictures()
        first = next(shown, None)
        if first is None:
            raise InputError(f"{clip}: a clip of one frame has no flow")
        write_video(part / "flow.mp4", chain([first], shown), frame_rate(clip))
        if not came_to.flows:
            raise InputError(f"{clip}: no face found in any two consecutive frames")
        if report := came_to.report():
            (part / INCOMPLETE).write_text(f"{clip}\n{report}\n", encoding="utf-8")
    return came_to


def ranges(numbers: list[int]) -> str:
    """Write rising numbers in short.

    Examples:
        >>> ranges([3, 4, 5, 9])
        '3-5, 9'
    """
    edges = [k for k in range(1, len(numbers)) if numbers[k] != numbers[k - 1] + 1]
    parts = [numbers[a:b] for a, b in pairwise([0, *edges, len(numbers)])]
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


class TooMuchError(InputError):
    """The clip takes more than the limits."""


class CostCheck:
    """Estimates from the first two flows of a clip what all of them take.

    Args:
        clip: the clip.
        out: folder that is written.
        flows: number of flows that are expected.
        advice: what makes it less, for the message.
        unlimited: check the disk alone.
    """

    def __init__(self, clip: Path, out: Path, flows: int, advice: str, unlimited: bool):
        self._clip, self._out, self._flows, self._advice = clip, out, flows, advice
        self._unlimited = unlimited
        self._written = 0
        self._last: float | None = None  # time from which the next flow counts; the first builds the graph

    def skipped(self) -> None:
        """Leave the time of a frame without a flow out."""
        if self._written:
            self._last = time.monotonic()

    def written(self, path: Path, shape: tuple[int, ...]) -> None:
        """Count a flow.

        Args:
            path: file that was written.
            shape: (height, width, ...) of its frames.

        Raises:
            TooMuchError: if all flows do not fit on the disk, or not into the limits.
        """
        self._written += 1
        if self._written > 2:
            return
        now, size = time.monotonic(), self._flows * path.stat().st_size
        seconds = None if self._last is None else self._flows * (now - self._last)
        self._last = now
        what = f"{self._clip}: about {self._flows} flows of {shape[1]}x{shape[0]}"
        free = shutil.disk_usage(self._out.absolute().parent).free
        if size > free:
            raise TooMuchError(
                f"{what} take {_gigabytes(size)}, and the disk of {self._out} has {_gigabytes(free)} left; "
                f"{self._advice}"
            )
        if not self._unlimited and (size > _MOST_BYTES or (seconds or 0) > _MOST_SECONDS):
            duration = "" if seconds is None else f" and about {_duration(seconds)}"
            raise TooMuchError(
                f"{what} take {_gigabytes(size)}{duration}; add --yes to go ahead, {self._advice}"
            )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{seconds / 60:.0f} minutes"


def _reduced(frames: Iterator[np.ndarray], size: int | None) -> Iterator[np.ndarray]:
    for frame in frames:
        yield frame if size is None else _fit(frame, size, max(frame.shape[:2]))


def _fit(frame: np.ndarray, size: int, longest: int) -> np.ndarray:
    """Shrink a frame so that `longest` of its pixels become `size`; never enlarge it."""
    if size >= longest:
        return frame
    height, width = (max(1, round(side * size / longest)) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def preview(frame: np.ndarray, flow: np.ndarray | None = None, valid: np.ndarray | None = None) -> np.ndarray:
    """Show a frame, uint8 [H, W, 3], beside its flow in colour; without a flow, nothing is valid in it."""
    shape = frame.shape[:2]
    flow = np.zeros((*shape, 2), np.float32) if flow is None else flow
    valid = np.zeros(shape, bool) if valid is None else valid
    return np.hstack([_fit(each, _PREVIEW, shape[1]) for each in (frame, flow_to_color(flow, valid))])
