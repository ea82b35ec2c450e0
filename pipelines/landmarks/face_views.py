"""Parts of a frame in which a face is searched for: the frame turned round, and squares of falling size.

MediaPipe's face detector shrinks what it is given to 128 x 128 pixels, and a face must be a tenth as wide as
that. Smaller faces are found in a part of the frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

# The smallest squares are at most this wide, pixels: faces from about 60 pixels on are found in them.
_SMALLEST = 500


@dataclass(frozen=True)
class View:
    """A rectangle of a frame, turned by a multiple of 90 degrees.

    Attributes:
        left: first column in the frame, pixels.
        top: first row in the frame, pixels.
        width: width in pixels.
        height: height in pixels.
        turns: number of quarter turns, anticlockwise, by which the rectangle is shown: 0 to 3.
    """

    left: int
    top: int
    width: int
    height: int
    turns: int = 0

    def picture(self, frame: np.ndarray) -> np.ndarray:
        """Cut the rectangle out of a frame [H, W, C]."""
        cut = frame[self.top : self.top + self.height, self.left : self.left + self.width]
        return np.rot90(cut, self.turns)

    @property
    def picture_width(self) -> int:
        """Width of the picture, pixels."""
        return self.height if self.turns % 2 else self.width

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Map points of the picture, float32 [..., N, 3], to pixels of the frame; z stays."""
        width = self.picture_width
        height = self.width + self.height - width
        return _turned(points, 4 - self.turns, width, height) + np.float32([self.left, self.top, 0])

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Map points of the frame, float32 [..., N, 3], to pixels of the picture; z stays."""
        return _turned(points - np.float32([self.left, self.top, 0]), self.turns, self.width, self.height)

    def holds(self, points: np.ndarray, margin: float, frame: np.ndarray) -> bool:
        """Tell whether a face keeps its distance from those edges of the view that are none of the frame.

        Args:
            points: float [N, 2+], (x, y) in pixels of the frame.
            margin: distance, as a share of the longer side of the points' box.
            frame: [H, W, C].
        """
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        space = margin * (high - low).max()
        first = np.array([self.left, self.top])
        last = first + [self.width, self.height]
        before = (low - space >= first) | (first == 0)
        after = (high + space <= last) | (last == frame.shape[1::-1])
        return bool(before.all() and after.all())


def _turned(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """Map points of a picture, float32 [..., N, 3], as `np.rot90` does its pixels."""
    for _ in range(turns % 4):
        x, y, z = np.moveaxis(points, -1, 0)
        points = np.stack([y, width - 1 - x, z], axis=-1)
        width, height = height, width
    return points


def whole_view(frame: np.ndarray, turns: int = 0) -> View:
    """Return the view that shows all of a frame [H, W, C]."""
    height, width = frame.shape[:2]
    return View(0, 0, width, height, turns)


def view_around(points: np.ndarray, frame: np.ndarray, scale: float, turns: int = 0) -> View:
    """Return a square view around a face, cut at the frame's edges.

    Args:
        points: float [N, 2+], (x, y) in pixels of the frame.
        frame: [H, W, C].
        scale: side of the square, in units of the longer side of the points' box.
        turns: see `View.turns`.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    middle, half = (low + high) / 2, max(scale * float((high - low).max()) / 2, 8)
    size = np.array(frame.shape[1::-1])
    first = np.clip(np.floor(middle - half), 0, size - 1).astype(int)
    last = np.clip(np.ceil(middle + half), first + 1, size).astype(int)
    return View(*first.tolist(), *(last - first).tolist(), turns)


def search_levels(frame: np.ndarray) -> Iterator[list[View]]:
    """Yield the views in which to search for a face that is not found in the whole frame, coarse to fine.

    First the frame upside down and on either side, then squares that overlap by half, each level with half
    the side of the one before.
    """
    height, width = frame.shape[:2]
    yield [whole_view(frame, 2)]
    yield [whole_view(frame, 1), whole_view(frame, 3)]
    side = min(height, width)
    if side == max(height, width):
        side //= 2  # the whole frame was searched
    while side >= _SMALLEST // 2 or side == min(height, width):
        tops, lefts = _starts(height, side), _starts(width, side)
        yield [View(left, top, side, side) for top in tops for left in lefts]
        side //= 2


def _starts(length: int, side: int) -> list[int]:
    count = 1 + max(0, int(np.ceil((length - side) / (side / 2))))
    return np.linspace(0, length - side, count).round().astype(int).tolist()


def turned(view: View) -> View:
    """Return the same rectangle turned by another 180 degrees."""
    return replace(view, turns=(view.turns + 2) % 4)
