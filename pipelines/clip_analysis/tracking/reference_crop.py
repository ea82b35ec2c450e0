"""The aligned crop of a reference frame, and later frames sampled on its grid.

It shows the same part of a face as `micro_expressions.alignment` does, with the pixels of the frame: flow is
estimated worse in a picture that was enlarged. A face that is larger in the frame is reduced to 224 pixels.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipelines.clip_analysis.tracking.rigid_motion import RigidMotion
from pipelines.image.bicubic import sample_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.landmarks.face_mesh import face_mask
from pipelines.micro_expressions.alignment import CROP, alignment

_IRISES = (468, 473)  # centres of the subject's right and left iris
_MARGIN = 12  # pixels of the frame around what is read
_SMALLEST, _STEP = 96, 16  # sizes of crops, pixels


@dataclass(frozen=True, eq=False)
class ReferenceCrop:
    """A face at rest, upright and of one size, against which motion is measured.

    Attributes:
        number: of the reference frame in its clip.
        picture: uint8 [S, S, 3], RGB, the aligned crop; S is 96 to 224.
        similarity: float64 [2, 3], from pixels of the frame to pixels of the crop.
        landmarks: float32 [478, 2], pixels of the crop.
        face: bool [S, S], inside the face's outline and inside the frame.
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

    @property
    def iris_distance(self) -> float:
        """Distance between the centres of the irises, pixels of the crop."""
        right, left = self.landmarks[list(_IRISES)]
        return float(np.linalg.norm(right - left))

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Map points, float [..., 2], (x, y) in pixels of the frame, to pixels of the crop: float32."""
        return (points @ self.similarity[:, :2].T + self.similarity[:, 2]).astype(np.float32)

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Map points of the crop back to pixels of the frame."""
        inverse = cv2.invertAffineTransform(self.similarity)
        return (points @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32)

    def sampled(self, frame: np.ndarray, flow: np.ndarray | None = None) -> np.ndarray:
        """Bring a frame onto the grid of the crop, back by a flow.

        Args:
            frame: uint8 [H, W, 3], RGB, of the clip.
            flow: float32 [S, S, 2], from the reference to the frame, pixels of the crop; by default 0.

        Returns:
            uint8 [S, S, 3], RGB; beyond the frame its border goes on.
        """
        return _sampled(frame, self.similarity, self.size, flow)

    def frame_flow(self, flow: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Put a flow of the crop onto the grid of the reference frame.

        Args:
            flow: float32 [S, S, 2], pixels of the crop.
            shape: (height, width) of the frame.

        Returns:
            float32 [height, width, 2] in pixels of the frame, and bool [height, width]; 0 and false outside
            of the crop.
        """
        points = self.to_crop(pixel_grid(shape))
        inside = ((points >= 0) & (points <= self.size - 1)).all(axis=-1)
        linear = np.linalg.inv(self.similarity[:, :2])
        moved = (sample(flow, points, cv2.INTER_LINEAR) @ linear.T).astype(np.float32)
        return np.where(inside[..., None], moved, np.float32(0)), inside

    def in_frame(self, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Put a mask of the crop, bool [S, S], onto the grid of the reference frame: bool [height, width]."""
        points = self.to_crop(pixel_grid(shape))
        outside = cv2.remap(
            (~mask).astype(np.uint8), points, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
            borderValue=1,
        )  # fmt: skip
        return outside == 0

    @cached_property
    def head(self) -> RigidMotion:
        """Motions that the head can make, on the grid of the crop."""
        return RigidMotion(self.landmarks, self.face)


def reference_crop(frame: np.ndarray, landmarks: np.ndarray, number: int = 0) -> ReferenceCrop:
    """Cut the aligned crop of a reference frame.

    Args:
        frame: uint8 [H, W, 3], RGB.
        landmarks: float32 [478, 2], pixels of the frame.
        number: of the frame in its clip.
    """
    similarity = alignment(landmarks)
    reduced = 1 / max(1.0, float(np.hypot(*similarity[:, 0])))
    size = max(_SMALLEST, _STEP * round(CROP * reduced / _STEP))
    factor = size / CROP
    # The centre of pixel 0 is half a pixel from the border in both.
    similarity = similarity * factor + np.array([[0, 0, (factor - 1) / 2]] * 2)
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
    inverse = cv2.invertAffineTransform(similarity)
    points = grid @ inverse[:, :2].T.astype(np.float32) + inverse[:, 2].astype(np.float32)
    # Only the part of the frame that is read: a face is a small part of a 4K frame.
    # Every fourth point, with a margin: the least and largest of all points take longer than the warp.
    some = np.concatenate([points[::4, ::4].reshape(-1, 2), points[-1], points[:, -1]])
    low = np.floor(np.clip(some.min(axis=0) - _MARGIN, 0, np.array(frame.shape[1::-1]) - 1)).astype(int)
    high = np.ceil(np.clip(some.max(axis=0) + _MARGIN + 1, low + 1, frame.shape[1::-1])).astype(int)
    part = frame[low[1] : high[1], low[0] : high[0]]
    points = points - low.astype(np.float32)
    if scale < 1:
        # Averaged down first: a warp reads single pixels, and fine texture would alias.
        reduced = [max(1, round(side * scale)) for side in part.shape[1::-1]]
        stretch = (np.array(part.shape[1::-1]) / reduced).astype(np.float32)
        part = cv2.resize(part, reduced, interpolation=cv2.INTER_AREA)
        points = (points + np.float32(0.5)) / stretch - np.float32(0.5)
    # `cv2.remap` would round positions to 1/32 px, which is more than a still face may seem to move.
    return np.clip(np.rint(sample_bicubic(part.astype(np.float32), points)), 0, 255).astype(np.uint8)
