"""The upright crop of a reference frame, and later frames sampled on its grid.

The crop is turned as by `micro_expressions.alignment`, but holds the whole face, from the hair to the chin.
It is never enlarged, because flow is less accurate in an enlarged picture. A larger face is reduced to a crop
of 224 pixels.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipelines.clip_analysis.tracking.face_smoothing import FaceSmoothing
from pipelines.image.bicubic import sample_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels.rigid_motion import RigidMotion
from pipelines.landmarks.face_mesh import face_mask
from pipelines.micro_expressions.alignment import alignment

_IRISES = (468, 473)  # centres of the subject's right and left iris
_MARGIN = 12  # pixels of the frame around the part that is read
_SMALLEST, _LARGEST, _STEP = 96, 224, 16  # sizes of crops, and step between them, pixels
_AROUND = 8  # least distance of the face from the border of the crop, pixels: flow is less accurate there


@dataclass(frozen=True, eq=False)
class ReferenceCrop:
    """The upright face of a reference frame, relative to which motion is measured.

    Attributes:
        number: number of the reference frame in its clip.
        picture: upright crop, uint8 [S, S, 3], RGB; S is 96 to 224.
        similarity: transform from pixels of the frame to pixels of the crop, float64 [2, 3].
        landmarks: landmarks of the face, float32 [478, 2], pixels of the crop.
        face: mask of the face inside the frame, bool [S, S].
    """

    number: int
    picture: np.ndarray
    similarity: np.ndarray
    landmarks: np.ndarray
    face: np.ndarray

    @property
    def size(self) -> int:
        """Width and height, pixels."""
        return len(self.picture)

    @property
    def scale(self) -> float:
        """Pixels of the crop per pixel of the frame."""
        return float(np.hypot(*self.similarity[:, 0]))

    @cached_property
    def aligned_scale(self) -> float:
        """Pixels of the aligned crop of 224 pixels (see `alignment`) per pixel of this crop."""
        return float(np.hypot(*alignment(self.landmarks)[:, 0]))

    @property
    def iris_distance(self) -> float:
        """Distance between the centres of the irises, pixels of the crop."""
        right, left = self.landmarks[list(_IRISES)]
        return float(np.linalg.norm(right - left))

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Map points from pixels of the frame to pixels of the crop: float [..., 2], (x, y), to float32."""
        return (points @ self.similarity[:, :2].T + self.similarity[:, 2]).astype(np.float32)

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Map points from pixels of the crop to pixels of the frame: float [..., 2], (x, y), to float32."""
        inverse = cv2.invertAffineTransform(self.similarity)
        return (points @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32)

    def sampled(self, frame: np.ndarray, flow: np.ndarray | None = None) -> np.ndarray:
        """Sample a frame on the grid of the crop, warped back by a flow.

        Args:
            frame: frame of the clip, uint8 [H, W, 3], RGB.
            flow: flow from the reference to the frame, float32 [S, S, 2], pixels of the crop; by default 0.

        Returns:
            Picture, uint8 [S, S, 3], RGB. Beyond the frame, its border pixels are repeated.
        """
        return _sampled(frame, self.similarity, self.size, flow)

    def frame_flow(self, flow: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Resample a flow of the crop on the grid of the reference frame.

        Args:
            flow: flow on the grid of the crop, float32 [S, S, 2], pixels of the crop.
            shape: (height, width) of the frame.

        Returns:
            Flow, float32 [height, width, 2] in pixels of the frame, and the mask where it is known, bool
            [height, width]. Outside the crop they are 0 and false.
        """
        points = self.to_crop(pixel_grid(shape))
        inside = ((points >= 0) & (points <= self.size - 1)).all(axis=-1)
        linear = np.linalg.inv(self.similarity[:, :2])
        moved = (sample(flow, points, cv2.INTER_LINEAR) @ linear.T).astype(np.float32)
        return np.where(inside[..., None], moved, np.float32(0)), inside

    def in_frame(self, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Resample a mask of the crop, bool [S, S], on the grid of the frame, bool [height, width]."""
        points = self.to_crop(pixel_grid(shape))
        outside = cv2.remap(
            (~mask).astype(np.uint8), points, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
            borderValue=1,
        )  # fmt: skip
        return outside == 0

    @cached_property
    def head(self) -> RigidMotion:
        """Rigid motions of the head, on the grid of the crop."""
        return RigidMotion(self.landmarks, self.face)

    @cached_property
    def smoothing(self) -> FaceSmoothing:
        """Smoothing of flows that keeps the face apart from the background."""
        return FaceSmoothing(self.face)


def reference_crop(frame: np.ndarray, landmarks: np.ndarray, number: int = 0) -> ReferenceCrop:
    """Cut the face out of a reference frame.

    Args:
        frame: reference frame, uint8 [H, W, 3], RGB.
        landmarks: landmarks of its face, float32 [478, 2], pixels of the frame.
        number: number of the frame in its clip.
    """
    similarity = alignment(landmarks)
    similarity /= np.hypot(*similarity[:, 0])
    upright = landmarks @ similarity[:, :2].T
    low, high = upright.min(axis=0), upright.max(axis=0)
    extent = float((high - low).max())
    similarity *= min(1.0, (_LARGEST - 1 - 2 * _AROUND) / extent)
    scale = float(np.hypot(*similarity[:, 0]))
    needed = _STEP * math.ceil((scale * extent + 1 + 2 * _AROUND) / _STEP)
    size = min(max(needed, _SMALLEST), _LARGEST)
    similarity[:, 2] = (size - 1) / 2 - scale * (low + high) / 2
    points = (landmarks @ similarity[:, :2].T + similarity[:, 2]).astype(np.float32)
    inverse = cv2.invertAffineTransform(similarity)
    corners = pixel_grid((size, size)) @ inverse[:, :2].T + inverse[:, 2]
    last = np.array(frame.shape[1::-1]) - 1
    inside = ((corners >= 0) & (corners <= last)).all(axis=-1)
    face = face_mask(points, (size, size)) & inside
    picture = _sampled(frame, similarity, size, None)
    return ReferenceCrop(number, picture, similarity, points, face)


def _sampled(frame: np.ndarray, similarity: np.ndarray, size: int, flow: np.ndarray | None) -> np.ndarray:
    scale = float(np.hypot(*similarity[:, 0]))
    grid = pixel_grid((size, size)) + (np.float32(0) if flow is None else flow)
    points = cv2.transform(grid, cv2.invertAffineTransform(similarity))
    # Only the part of the frame that is read, because a face is a small part of a 4K frame. Its bounds come
    # from every fourth point, with a margin: those of all points would take longer than the warp.
    some = np.concatenate([points[::4, ::4].reshape(-1, 2), points[-1], points[:, -1]])
    low = np.floor(np.clip(some.min(axis=0) - _MARGIN, 0, np.array(frame.shape[1::-1]) - 1)).astype(int)
    high = np.ceil(np.clip(some.max(axis=0) + _MARGIN + 1, low + 1, frame.shape[1::-1])).astype(int)
    part = frame[low[1] : high[1], low[0] : high[0]]
    points = points - low.astype(np.float32)
    if scale < 1:
        # Averaged down first, because a warp reads single pixels and fine texture would alias.
        reduced = [max(1, round(side * scale)) for side in part.shape[1::-1]]
        stretch = (np.array(part.shape[1::-1]) / reduced).astype(np.float32)
        part = cv2.resize(part, reduced, interpolation=cv2.INTER_AREA)
        points = (points + np.float32(0.5)) / stretch - np.float32(0.5)
    # Not `cv2.remap`, which rounds positions to 1/32 px: a still face would seem to move.
    return np.clip(np.rint(sample_bicubic(part.astype(np.float32), points)), 0, 255).astype(np.uint8)
