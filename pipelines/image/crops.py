"""Square crops around the face, applied to images, flows, masks and points.

A crop of `side` pixels that is resized to `size` scales everything by size / side, the flow included. The
factor is that of the crop, never of the whole frame.
"""

from dataclasses import dataclass

import cv2
import numpy as np

#: Space around the face on each side, as a share of its size: room for hair, chin and motion.
MARGIN = 0.15


@dataclass(frozen=True)
class Crop:
    """A square of a frame, resized to a square picture.

    Attributes:
        left: x of the first column in the frame, whole pixels; may lie outside the frame.
        top: y of the first row, likewise.
        side: width and height in the frame, pixels.
        size: width and height of the result, pixels.
    """

    left: int
    top: int
    side: int
    size: int

    @property
    def scale(self) -> float:
        """Pixels of the result per pixel of the frame."""
        return self.size / self.side

    def picture(self, frame: np.ndarray) -> np.ndarray:
        """Cut and resize a picture, uint8 [H, W, 3]; its border is continued outwards."""
        return self._resize(self._cut(frame, cv2.BORDER_REPLICATE), cv2.INTER_CUBIC)

    def flow(self, flow: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cut and resize a flow.

        Args:
            flow: float32 [H, W, 2], pixels of the frame.
            valid: bool [H, W].

        Returns:
            float32 [size, size, 2] in pixels of the result; and the `mask` of what is valid.
        """
        moved = self._resize(self._cut(flow, cv2.BORDER_REPLICATE), cv2.INTER_LINEAR) * np.float32(self.scale)
        return moved, self.mask(valid)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Cut and resize a mask, bool [H, W]: true where all pixels of the frame that contribute are true."""
        cut = self._cut(mask.astype(np.float32), cv2.BORDER_CONSTANT)
        return self._resize(cut, cv2.INTER_LINEAR) > 0.999

    def flow_back(
        self, flow: np.ndarray, valid: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put a flow of the result back into the frame: the inverse of `flow`.

        Args:
            flow: float32 [size, size, 2], pixels of the result.
            valid: bool [size, size].
            shape: (height, width) of the frame.

        Returns:
            float32 [height, width, 2] in pixels of the frame, and bool [height, width]; 0 and false outside
            of the crop.
        """
        back = (self.side, self.side)
        moved = cv2.resize(flow, back, interpolation=cv2.INTER_LINEAR) / np.float32(self.scale)
        known = cv2.resize(valid.astype(np.float32), back, interpolation=cv2.INTER_LINEAR) > 0.999
        height, width = shape
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(height, self.top + self.side), min(width, self.left + self.side)
        inside = np.s_[top - self.top : bottom - self.top, left - self.left : right - self.left]
        frame_flow, frame_known = np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
        frame_flow[top:bottom, left:right] = moved[inside]
        frame_known[top:bottom, left:right] = known[inside]
        return frame_flow, frame_known

    def points(self, points: np.ndarray) -> np.ndarray:
        """Map points, [N, 2], (x, y) in pixels of the frame, to pixels of the result."""
        if not np.issubdtype(points.dtype, np.floating):
            points = points.astype(np.float64)
        corner = np.array([self.left, self.top], points.dtype)
        return (points - corner + 0.5) * points.dtype.type(self.scale) - points.dtype.type(0.5)

    def _cut(self, array: np.ndarray, border: int) -> np.ndarray:
        height, width = array.shape[:2]
        before = max(0, -self.top), max(0, -self.left)
        after = max(0, self.top + self.side - height), max(0, self.left + self.side - width)
        if any(before) or any(after):
            array = cv2.copyMakeBorder(array, before[0], after[0], before[1], after[1], border)
        top, left = self.top + before[0], self.left + before[1]
        return array[top : top + self.side, left : left + self.side]

    def _resize(self, array: np.ndarray, enlarging: int) -> np.ndarray:
        # Averaging when shrinking: anything else aliases.
        interpolation = cv2.INTER_AREA if self.size < self.side else enlarging
        return cv2.resize(array, (self.size, self.size), interpolation=interpolation)


def crop_around(points: np.ndarray, size: int, margin: float = MARGIN) -> Crop:
    """Return the square crop that contains all points with a margin.

    Args:
        points: float [N, 2], (x, y) in pixels, for instance the landmarks of both frames of a pair, so that
            the face is in view in both.
        size: width and height of the result, pixels.
        margin: space on each side, as a share of the longer side of the points' box.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(1, int(np.ceil((high - low).max() * (1 + 2 * margin))))
    left, top = np.round((low + high) / 2 - side / 2).astype(int)
    return Crop(int(left), int(top), side, size)


def whole_frame(shape: tuple[int, int], size: int) -> Crop:
    """Return the smallest centred square crop that contains a whole frame of `shape` (height, width)."""
    height, width = shape
    side = max(height, width)
    return Crop((width - side) // 2, (height - side) // 2, side, size)
