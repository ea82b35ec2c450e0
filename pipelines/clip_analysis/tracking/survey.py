"""First pass over a clip: landmarks of every frame, cuts, and reference frames."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pipelines.clip_analysis.tracking.head_pose import eye_openings, head_pose
from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.errors import InputError
from pipelines.image.shots import CutDetector
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.alignment import alignment

_LEAST_OVERLAP = 0.4  # smallest intersection over union of the face's boxes in two frames of one shot
_FORGET_AFTER = 10  # frames without a face, after which the face may reappear anywhere
_CANDIDATES = 400  # largest number of frames of a shot to compare, evenly spread
_CORNERS, _INNER_LIPS = (61, 291), (13, 14)
_CLOSED = 1.0  # pixels of the aligned crop by which lips may be farther apart than in any other frame
_UNKNOWN_SPEED = 1.0  # pixels of the aligned crop, assumed for a first frame
# Cost of a reference frame: per pixel of the aligned crop that landmarks are away from their usual places and
# lips are apart, per share of the eyes' opening, per degree, and per factor e of the size of the face.
_USUAL_WEIGHT, _LIPS_WEIGHT, _EYES_WEIGHT, _TURN_WEIGHT, _SIZE_WEIGHT = 0.5, 2.0, 20.0, 0.1, 10.0


@dataclass(frozen=True)
class Shot:
    """Frames of one person between two cuts.

    Attributes:
        first: number of the first frame.
        last: number of the last frame.
        reference: number of the most neutral and most still frame; None if no frame has a face.
    """

    first: int
    last: int
    reference: int | None


@dataclass(frozen=True)
class Survey:
    """Result of the first pass.

    Attributes:
        frames: number of frames.
        shots: shots between the cuts, in order.
        most_faces: largest number of faces in one frame.
        shape: (height, width) of the frames.
    """

    frames: int
    shots: tuple[Shot, ...]
    most_faces: int
    shape: tuple[int, int]

    def shot_of(self, number: int) -> Shot:
        """Return the shot of a frame."""
        return next(shot for shot in self.shots if shot.first <= number <= shot.last)


def survey(
    frames: Iterable[np.ndarray],
    face_mesh: FaceMesh,
    store: LandmarkStore,
    on_frame: Callable[[int], None] = lambda number: None,
) -> Survey:
    """Follow the face through a clip.

    The largest face of a shot is followed by its position, so a different face that becomes larger is
    ignored.

    Args:
        frames: frames, uint8 [H, W, 3] RGB each; read one by one.
        face_mesh: tracking face detector.
        store: store for the landmarks of every frame.
        on_frame: function to call with the number of each finished frame.

    Raises:
        InputError: if no frame has a face.
    """
    shots: list[_OpenShot] = []
    is_cut, last, absent, most, shape = CutDetector(), None, 0, 0, (0, 0)
    number = -1
    for number, frame in enumerate(frames):
        shape = frame.shape[:2]
        cut = is_cut(frame)
        if cut:
            face_mesh.reset()
            last = None
        face = face_mesh(frame, last)
        points = None if face is None else face.landmarks
        if points is not None and last is not None and not absent and _overlap(points, last) < _LEAST_OVERLAP:
            cut = True
        if cut or not shots:
            shots.append(_OpenShot(number))
        store.add(points)
        shots[-1].add(number, points)
        absent = 0 if points is not None else absent + 1
        last = points if points is not None else last if absent < _FORGET_AFTER else None
        most = max(most, face.faces_in_frame if face else 0)
        on_frame(number)
    found = tuple(shot.closed() for shot in shots)
    if all(shot.reference is None for shot in found):
        raise InputError(
            f"no face found in any of its {number + 1} frames; a face should look towards the camera and be "
            "at least 60 pixels wide"
        )
    return Survey(number + 1, found, most, shape)


class _OpenShot:
    """Collects candidates for the reference frame; if there are too many, every second one is dropped."""

    def __init__(self, first: int):
        self.first = self.last = first
        self._every, self._count = 1, 0
        self._numbers: list[int] = []
        self._features: list[tuple] = []  # shape, speed, opening of the eyes, yaw, pitch, size
        self._before: np.ndarray | None = None

    def add(self, number: int, landmarks: np.ndarray | None) -> None:
        self.last = number
        if landmarks is None:
            self._before = None
            return
        similarity = alignment(landmarks)
        shape = (landmarks @ similarity[:, :2].T + similarity[:, 2]).astype(np.float32)
        moved = landmarks if self._before is None else self._before
        speed = np.linalg.norm((landmarks - moved) @ similarity[:, :2].T, axis=-1).mean()
        if self._before is None:
            speed = _UNKNOWN_SPEED
        if self._count % self._every == 0:
            pose, size = head_pose(landmarks), 1 / float(np.hypot(*similarity[:, 0]))
            opening = float(eye_openings(landmarks).mean())
            self._numbers.append(number)
            self._features.append((shape, float(speed), opening, pose.yaw, pose.pitch, size))
        self._before = landmarks
        self._count += 1
        if len(self._numbers) > _CANDIDATES:
            self._numbers, self._features = self._numbers[::2], self._features[::2]
            self._every *= 2

    def closed(self) -> Shot:
        """Choose the reference frame: near the median shape and size, still, eyes open, facing the camera."""
        if not self._numbers:
            return Shot(self.first, self.last, None)
        features = (np.array(each) for each in zip(*self._features, strict=True))
        shapes, speeds, openings, yaws, pitches, sizes = features
        usual = np.median(shapes, axis=0)
        away = np.linalg.norm(shapes - usual, axis=-1).mean(axis=-1)
        # A mouth at rest is closed, and not wide as in a smile. What is wide is told by closed mouths alone,
        # because speech rounds the lips.
        width, gap = (shapes[:, one] - shapes[:, other] for one, other in (_CORNERS, _INNER_LIPS))
        widths, gaps = np.linalg.norm(width, axis=-1), np.linalg.norm(gap, axis=-1)
        apart = gaps - gaps.min()
        wide = np.clip(widths - np.percentile(widths[apart <= _CLOSED], 25), 0, None)
        shut = np.clip(1 - openings / max(float(np.median(openings)), 1e-6), 0, 1)
        # The camera may look from above or below, so only the difference from the usual pitch counts.
        turned = np.abs(yaws) + np.abs(pitches - np.median(pitches))
        other_size = np.abs(np.log(sizes / np.median(sizes)))
        cost = speeds + wide + _USUAL_WEIGHT * away + _LIPS_WEIGHT * apart + _EYES_WEIGHT * shut
        cost += _TURN_WEIGHT * turned + _SIZE_WEIGHT * other_size
        return Shot(self.first, self.last, self._numbers[int(np.argmin(cost))])


def _overlap(points: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of the bounding boxes of two sets of points."""
    low = np.maximum(points.min(axis=0), other.min(axis=0))
    high = np.minimum(points.max(axis=0), other.max(axis=0))
    common = float(np.maximum(high - low, 0).prod())
    return common / (float(np.ptp(points, axis=0).prod() + np.ptp(other, axis=0).prod()) - common)
