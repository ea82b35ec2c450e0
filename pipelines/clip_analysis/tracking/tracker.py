"""Flow of a face from a reference frame to every frame of a clip.

Each frame is first warped back by the motion of the previous frame (warm start), so only a small residual is
left to estimate. Errors do not accumulate along the clip, because every estimate is relative to the reference
frame. If the reference and the warped frame do not agree, the track is lost and restarted from the landmarks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop
from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid, sample, squared_length
from pipelines.labels.extension import extend
from pipelines.labels.mesh import mesh_label
from pipelines.landmarks.head_motion import STABLE, fit_affine

#: Function from two frames, uint8 [H, W, 3] RGB, to flow, float32 [H, W, 2] in pixels, and mask, bool [H, W].
FlowEstimate = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

#: Agreement below which a track is lost.
LOST_BELOW = 0.5
#: Uncertainty above which the flow of a pixel is not valid, pixels of the crop.
MAX_UNCERTAINTY = 1.0

_JUMP = 1.5  # pixels of the crop: if landmarks move more from frame to frame, they correct the start
_WINDOW = 3.0  # standard deviation of the window for the uncertainty, pixels of the half-size picture
_START_BLUR = 6.0  # standard deviation, pixels: finer motion is estimated anew in each frame
# Pixels: smaller expressions are estimated anew too, from the last flow and from landmarks.
_START_LEAST, _LANDMARKS_LEAST = 1.0, 2.0
_SKIN, _ERROR = 2.5, 0.12  # standard deviation of the smoothing, and usual error of a flow, pixels
# Ratio of the error of a flow to the displacement that would explain the difference, on rendered clips.
_UNCERTAINTY = 0.2
_NOISE = 1.0  # grey levels of noise in a picture
_SHADING = 8.0  # standard deviation, pixels of the half-size picture: coarser differences are lighting


@dataclass(frozen=True, eq=False)
class TrackedMotion:
    """Motion from the reference to a frame, on the grid of the reference crop.

    Attributes:
        flow: motion of head and expression together, float32 [S, S, 2], pixels of the crop.
        uncertainty: expected error by the difference that remains after warping, float32 [S, S], pixels.
        valid: pixels of the face with a reliable flow, bool [S, S].
        agreement: correlation of the reference with the warped frame over the face, -1 to 1.
        picture: frame warped back by the start of the estimate, uint8 [S, S, 3], RGB.
        head: motion of the rigid head (see `labels.rigid_motion`), float32 [S, S, 2], pixels of the crop.
        status: tracked, restarted (from the landmarks) or lost.
    """

    flow: np.ndarray
    uncertainty: np.ndarray
    valid: np.ndarray
    agreement: float
    picture: np.ndarray
    head: np.ndarray
    status: str

    @cached_property
    def expression(self) -> np.ndarray:
        """Motion of the face relative to the head, float32 [S, S, 2], pixels of the crop."""
        return self.flow - self.head


class MotionTracker:
    """Tracks a face relative to a reference frame, frame by frame in the order of the clip.

    Args:
        reference: crop of the reference frame.
        estimate: estimator of the flow between two crops.

    Examples:
        >>> import skimage.data
        >>> from pipelines.clip_analysis.tracking.reference_crop import reference_crop
        >>> from pipelines.landmarks.detector import FaceMesh
        >>> frame = skimage.data.astronaut()
        >>> with FaceMesh() as face_mesh:
        ...     landmarks = face_mesh(frame).landmarks
        >>> still = lambda crop1, crop2: (np.zeros((*crop1.shape[:2], 2), np.float32), crop1[..., 0] >= 0)
        >>> tracker = MotionTracker(reference_crop(frame, landmarks), still)
        >>> tracker(frame, landmarks).status
        'restarted'
    """

    def __init__(self, reference: ReferenceCrop, estimate: FlowEstimate):
        self.reference = reference
        self._estimate, self._shape = estimate, reference.face.shape
        self._pictures = _Prepared(reference.picture, reference.face)
        self.reset()

    def reset(self) -> None:
        """Forget the last frame, so that the next one starts from its landmarks."""
        self._flow: np.ndarray | None = None
        self._landmarks: np.ndarray | None = None

    def __call__(self, frame: np.ndarray, landmarks: np.ndarray) -> TrackedMotion:
        """Track the next frame.

        Args:
            frame: frame of the clip, uint8 [H, W, 3], RGB.
            landmarks: landmarks of its face, float32 [478, 2], pixels of the frame.

        Raises:
            InputError: if the estimate is not finite.
        """
        points = self.reference.to_crop(landmarks)
        found = None
        if self._flow is not None:
            found = self._from(frame, self._predicted(points), "tracked")
        if found is None or found.agreement < LOST_BELOW:
            again = self._from(frame, self._by_landmarks(points), "restarted")
            if found is None or again.agreement > found.agreement:
                found = again
        if found.agreement < LOST_BELOW:
            self.reset()
            nowhere = np.zeros_like(found.valid)
            return replace(found, valid=nowhere, status="lost")
        self._flow, self._landmarks = found.flow, points
        return found

    def _predicted(self, points: np.ndarray) -> np.ndarray:
        """Return the last flow, corrected by the landmarks if the head moved by more than their error."""
        flow = self._flow
        step = points[STABLE] - self._landmarks[STABLE]
        if np.linalg.norm(step, axis=-1).mean() > _JUMP:
            affine = fit_affine(self._landmarks[STABLE], step)
            there = pixel_grid(self._shape) + flow
            flow = flow + (there @ affine[:2] + affine[2]).astype(np.float32)
        return self._start(flow, points)

    def _start(self, flow: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the coarse part of a flow, corrected by the landmarks where they differ far from it."""
        last = self._coarse(flow, _START_LEAST)
        columns, rows = np.rint(self.reference.landmarks.T).astype(int).clip(0, self.reference.size - 1)
        apart = points - self.reference.landmarks - flow[rows, columns]
        if np.linalg.norm(apart, axis=-1).max() < _LANDMARKS_LEAST:
            return last
        landmarks = self._by_landmarks(points)
        # Landmarks follow a grin that changes the skin too much to be matched, but not small motion.
        more = landmarks - last
        length = np.sqrt(squared_length(more))[..., None]
        return last + more * np.clip(1 - _LANDMARKS_LEAST / np.maximum(length, 1e-6), 0, None)

    def _by_landmarks(self, points: np.ndarray) -> np.ndarray:
        label = extend(*mesh_label(self.reference.landmarks, points, self._shape))
        return self._coarse(label, _LANDMARKS_LEAST)

    def _coarse(self, flow: np.ndarray, least: float) -> np.ndarray:
        """Return the rigid motion of the face, and the coarse and large part of the rest.

        Without this, errors of the estimator would grow from frame to frame where there is no texture. The
        error of landmarks is larger than a small expression.
        """
        head = self.reference.head.flow(self.reference.head.fit(flow))
        own = self.reference.smoothing.blurred(flow - head, _START_BLUR)
        length = np.sqrt(squared_length(own))[..., None]
        return head + own * np.clip(1 - least / np.maximum(length, 1e-6), 0, None)

    def _from(self, frame: np.ndarray, start: np.ndarray, status: str) -> TrackedMotion:
        """Estimate the residual of a start: point p of the reference is at q + start(q), q = p + left(p)."""
        brought_back = self.reference.sampled(frame, start)
        left, known = self._estimate(self.reference.picture, brought_back)
        if not np.isfinite(left).all():
            raise InputError("the flow of the face is not finite; did the training of the network diverge?")
        there = pixel_grid(self._shape) + left
        flow = left + sample(start, there, cv2.INTER_LINEAR)
        head = self.reference.head.flow(self.reference.head.fit(flow))
        flow = head + self.reference.smoothing.with_outline(self._without_noise(flow - head), head)
        agreement, uncertainty = self._pictures.compare(sample(brought_back, there))
        valid = known & self.reference.face & (uncertainty < MAX_UNCERTAINTY)
        return TrackedMotion(flow, uncertainty, valid, agreement, brought_back, head, status)

    def _without_noise(self, own: np.ndarray) -> np.ndarray:
        """Smooth the flow of an expression and shrink it where it is as small as the usual error."""
        smooth = self.reference.smoothing.blurred(own, _SKIN)
        return _shrunk(smooth, _ERROR) + _shrunk(own - smooth, _ERROR)


class _Prepared:
    """The reference picture, prepared for comparison with warped frames."""

    def __init__(self, picture: np.ndarray, face: np.ndarray):
        self._grey = _half(picture)
        detail = self._grey - _blurred(self._grey, _SHADING)
        self._detail = detail
        along, down = cv2.spatialGradient(np.rint(np.clip(self._grey, 0, 255)).astype(np.uint8))
        squared = (np.square(along.astype(np.float32)) + np.square(down.astype(np.float32))) / 64
        # Squared gradient of the half-size picture, averaged over both directions.
        self._gradient = _blurred(squared / 2, _WINDOW)
        self._face = cv2.resize(face.astype(np.uint8), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) > 0

    def compare(self, other: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the correlation over the face, and the expected error of the flow in pixels."""
        grey = _half(other)
        detail = grey - _blurred(grey, _SHADING)
        here, there = self._detail[self._face], detail[self._face]
        norm = float(np.linalg.norm(here) * np.linalg.norm(there))
        agreement = float(here @ there) / norm if norm > 0 else 0.0
        difference = _blurred(np.square(detail - self._detail), _WINDOW)
        pixels = np.sqrt(difference / (self._gradient + _NOISE))  # of the half-size picture
        size = other.shape[1::-1]
        return agreement, cv2.resize(2 * _UNCERTAINTY * pixels, size, interpolation=cv2.INTER_LINEAR)


def _shrunk(flow: np.ndarray, error: float) -> np.ndarray:
    """Remove what is as small as the error.

    A Wiener filter would multiply by s / (s + error^2), where s is the squared length. Here both are squared
    once more, because a motion of twice the error would be understated by a fifth, and so by a seventeenth.
    """
    energy = np.square(squared_length(flow))[..., None]
    return flow * (energy / (energy + error**4))


def _half(picture: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float32)


def _blurred(array: np.ndarray, deviation: float) -> np.ndarray:
    return cv2.GaussianBlur(array, (0, 0), deviation)
