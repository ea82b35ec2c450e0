"""The state of a face over a long video: displacements of its parts, or, as a baseline, its brightness.

Long recordings are sampled at about 30 frames per second. The face is cut out as in the first frame of a
segment; a segment ends where the face has moved far, is lost, or another shot begins, as every tenth sample
tells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from keras_models.evaluation.spotting.head_removal import remove_head
from pipelines.datasets.long_video import LongVideo
from pipelines.errors import InputError
from pipelines.io.video import read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.alignment import CROP, align, alignment
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.strength import face_shares

Method = Literal["flow", "frame_difference"]

#: Samples per second that are looked at; a micro-expression of half a second has about 15.
RATE = 30.0

_CELLS = 14  # of the face in each direction
_DETECTION_INTERVAL = 10  # samples between two face detections
_FAR = 6.0  # pixels of the crop that the face may move away before a new segment begins


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of a video in which one face is followed.

    Attributes:
        frames: indices of the video's frames that were looked at, rising.
        signal: float32 [T, N], state of the face in each; N pairs (x, y) of cells.
    """

    frames: np.ndarray
    signal: np.ndarray


def sample_step(rate: float) -> int:
    """Return how many frames lie between two samples, at least 1.

    >>> sample_step(30.0), sample_step(200.0)
    (1, 7)
    """
    return max(1, round(rate / RATE))


def video_segments(video: LongVideo, method: Method, estimate: Estimate | None = None) -> list[Segment]:
    """Compute the signal of a video.

    Args:
        video: the video.
        method: flow from the first frame of a segment, without the head's motion (`remove_head`), pixels of
            an aligned crop; or frame_difference, brightness in 0 to 1, the baseline.
        estimate: function that estimates the flow of two frames.

    Raises:
        InputError: if a frame cannot be read, or no frame shows a face.
    """
    looked_at = range(0, len(video.frames), sample_step(video.rate))
    reduce = _flow_states(estimate) if method == "flow" else _brightness_states
    segments = []
    with FaceMesh(tracking=True) as face_mesh:
        for frames, crops in _followed(video, looked_at, face_mesh):
            segments.append(Segment(np.array(frames), reduce(crops).astype(np.float32)))
    if not segments:
        raise InputError(f"{video.path}: no face found in the video")
    return segments


def _followed(
    video: LongVideo, looked_at: range, face_mesh: FaceMesh
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Yield frames and aligned crops of each segment."""
    frames: list[int] = []
    crops: list[np.ndarray] = []
    similarity = None
    images = read_frames(video.path, [video.frames[index] for index in looked_at])
    for number, (index, image) in enumerate(zip(looked_at, images, strict=True)):
        if similarity is None or number % _DETECTION_INTERVAL == 0:
            face = face_mesh(image)
            moved = face is None or similarity is None or _moved(face.landmarks, similarity) > _FAR
            if moved and frames:
                yield frames, crops
                frames, crops = [], []
            if moved:
                similarity = None if face is None else alignment(face.landmarks)
        if similarity is not None:
            frames.append(index)
            crops.append(align(image, similarity))
    if frames:
        yield frames, crops


def _moved(landmarks: np.ndarray, similarity: np.ndarray) -> float:
    """Return how far the face has gone from where it was, pixels of the crop."""
    now = alignment(landmarks)
    centre = landmarks.mean(axis=0)
    here, there = (matrix[:, :2] @ centre + matrix[:, 2] for matrix in (similarity, now))
    turned = abs(np.hypot(*now[:, 0]) / np.hypot(*similarity[:, 0]) - 1) * CROP / 4
    return float(np.hypot(*(here - there)) + turned)


def _flow_states(estimate: Estimate) -> Callable[[list[np.ndarray]], np.ndarray]:
    def states(crops: list[np.ndarray]) -> np.ndarray:
        flows = (estimate(crops[0], crop).astype(np.float32) for crop in crops)
        small = [cv2.resize(flow, (2 * _CELLS, 2 * _CELLS), interpolation=cv2.INTER_AREA) for flow in flows]
        displacements = _weighted(np.stack(small))
        return remove_head(displacements, _cell_positions()).reshape(len(crops), -1)

    return states


def _brightness_states(crops: list[np.ndarray]) -> np.ndarray:
    grey = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops]).astype(np.float32) / 255
    small = np.stack(
        [cv2.resize(one, (2 * _CELLS, 2 * _CELLS), interpolation=cv2.INTER_AREA) for one in grey]
    )
    # As pairs, of which the second is nothing, so that both methods go the same way from here.
    return _weighted(np.stack([small, np.zeros_like(small)], axis=-1)).reshape(len(crops), -1)


def _weighted(values: np.ndarray) -> np.ndarray:
    """Average over pairs of cells by how much of them is face without eyes: [T, 28, 28, 2] -> [T, N, 2]."""
    weights = face_shares()
    inside, chosen = _face_cells()
    pooled = (values * weights[..., None]).reshape(len(values), _CELLS, 2, _CELLS, 2, 2).sum(axis=(2, 4))
    return pooled[:, chosen] / inside[chosen][:, None]


def _cell_positions() -> np.ndarray:
    """Positions of the face's cells in units of half the crop, from its centre: float [N, 2], (x, y)."""
    rows, columns = np.nonzero(_face_cells()[1])
    return (np.column_stack([columns, rows]) + 0.5) / (_CELLS / 2) - 1


def _face_cells() -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each cell is face without eyes, at most 4, and which cells count: [14, 14]."""
    inside = face_shares().reshape(_CELLS, 2, _CELLS, 2).sum(axis=(1, 3))
    return inside, inside > 1.0  # at least a quarter
