"""Augmentation of pairs: other framing, other light, and some motion of frame 2 more.

Geometry comes first and is drawn once for a pair. Both frames are cut out by an affine map each; the second
map differs a little from the first, and a smooth bend is laid over frame 2, so that the network also sees
motion that the data do not hold. Flow, validity and landmarks follow exactly:

    a point x of frame 1 goes to       a(x)             in the crop,
    a point q of frame 2 goes to       bend^-1(b(q))    in the crop, where bend(y) = y + d(y).

Light comes last and differs a little between the frames.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, section 5.2:
    the kinds of change, and a small relative transform for the second frame.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipelines.image.bicubic import sample_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.training_data.augmentation_config import Augmentation

_CLOSE, _MOST_STEPS = 0.01, 30  # pixels; and steps, towards where a bend came from


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the pixels of both frames go.

    Attributes:
        map1: float64 [2, 3], from pixels of frame 1 to pixels of the crop.
        map2: float64 [2, 3], the same for frame 2, before the bend.
        bend: float32 [S, S, 2], on the crop's grid: what appears at y was at y + bend(y) before.
    """

    map1: np.ndarray
    map2: np.ndarray
    bend: np.ndarray

    @cached_property
    def _grid(self) -> np.ndarray:
        return pixel_grid(self.bend.shape[:2])

    def picture1(self, frame1: np.ndarray) -> np.ndarray:
        """Cut frame 1 out, float32 [H, W, C] -> [S, S, C]; its border is continued outwards."""
        return sample_bicubic(_softened(frame1, self.map1), _back(self.map1, self._grid))

    def picture2(self, frame2: np.ndarray) -> np.ndarray:
        """Cut frame 2 out, likewise."""
        return sample_bicubic(_softened(frame2, self.map2), _back(self.map2, self._grid + self.bend))

    def points1(self, points: np.ndarray) -> np.ndarray:
        """Map points of frame 1, float [..., 2], (x, y) in pixels, to the crop."""
        return _forth(self.map1, points)

    def points2(self, points: np.ndarray) -> np.ndarray:
        """Map points of frame 2, float [..., 2], (x, y) in pixels, to the crop."""
        target = _forth(self.map2, points)
        if not target.size or not self.bend.any():
            return target
        rows = target.reshape(-1, *target.shape[-2:])
        found = rows
        for _ in range(_MOST_STEPS):  # y <- q - d(y) converges, because the bend is smooth
            before, found = found, rows - sample(self.bend, found, cv2.INTER_LINEAR)
            if np.abs(found - before).max() < _CLOSE:
                break
        return found.reshape(target.shape)

    def flow(self, flow: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bring a flow from frame 1's grid to the crop's.

        Args:
            flow: float32 [H, W, 2], pixels of the frames.
            valid: bool [H, W].

        Returns:
            float32 [S, S, 2] in pixels of the crop; and the `mask` of what is valid, bool [S, S].
        """
        start = _back(self.map1, self._grid)
        end = self.points2(start + sample(flow, start, cv2.INTER_LINEAR))
        return (end - self._grid).astype(np.float32), self.mask(valid)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Bring a mask of frame 1, bool [H, W], to the crop: true where all pixels that count are true."""
        start = _back(self.map1, self._grid)
        return cv2.remap(mask.astype(np.float32), start, None, cv2.INTER_LINEAR, borderValue=0) > 0.999


def draw_geometry(
    rng: np.random.Generator, augmentation: Augmentation, middle: np.ndarray, scale: float, size: int
) -> Geometry:
    """Draw where a crop lies and how frame 2 moves on its own.

    Args:
        rng: decides.
        augmentation: how much may change.
        middle: float [2], what is in the middle of the crop unless it is shifted, pixels of the frames.
        scale: pixels of the crop per pixel of the frames, before it is changed.
        size: width and height of the crop, pixels.
    """
    centre = (size - 1) / 2
    turn = np.deg2rad(augmentation.rotation) * rng.uniform(-1, 1)
    grow = scale * augmentation.scale ** rng.uniform(-1, 1)
    mirror = -1.0 if rng.random() < augmentation.flip else 1.0
    cos, sin = grow * np.cos(turn), grow * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror, 1.0])
    target = centre + augmentation.shift * size * rng.uniform(-1, 1, 2)
    map1 = np.column_stack([linear, target - linear @ middle])

    bend = np.zeros((size, size, 2), np.float32)
    if rng.random() >= augmentation.relative:
        return Geometry(map1, map1, bend)
    turn = np.deg2rad(augmentation.relative_rotation) * rng.standard_normal()
    grow = 1 + augmentation.relative_scale * rng.standard_normal()
    shift = augmentation.relative_shift * rng.standard_normal(2) * rng.random()
    cos, sin = grow * np.cos(turn), grow * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    own = np.column_stack([linear, shift + centre - linear @ np.full(2, centre)])
    if augmentation.bend:
        knots = rng.standard_normal((*rng.integers(4, 9, 2), 2)).astype(np.float32)
        bend = cv2.resize(knots, (size, size), interpolation=cv2.INTER_CUBIC)
        bend *= augmentation.bend * 10 ** rng.uniform(-1, 0) / max(np.hypot(*bend.T).max(), 1e-6)
    return Geometry(map1, own @ np.vstack([map1, [0, 0, 1]]), bend)


def change_light(
    rng: np.random.Generator, augmentation: Augmentation, frame1: np.ndarray, frame2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Change colours, sharpness and noise of both frames, a little differently.

    Args:
        rng: decides.
        augmentation: how much may change.
        frame1: uint8 [S, S, 3].
        frame2: of the same shape.

    Returns:
        Both, uint8 [S, S, 3].
    """
    shared, noise = rng.uniform(-1, 1, 6), augmentation.noise * rng.random() ** 2
    blur = augmentation.blur * rng.random() * (rng.random() < 0.4)
    changed = []
    for frame in (frame1, frame2):
        own = shared + augmentation.asymmetry * rng.uniform(-1, 1, 6) * (rng.random() < 0.5)
        levels = np.linspace(0, 1, 256) ** (augmentation.gamma ** own[0])
        levels = (
            0.5 + (levels - 0.5) * (1 + augmentation.contrast * own[1]) + augmentation.brightness * own[2]
        )
        levels = levels[:, None] * (1 + augmentation.colour * own[3:])
        table = np.clip(levels * 255, 0, 255).astype(np.float32)
        picture = cv2.LUT(frame, table.reshape(1, 256, 3))
        if blur > 0.2:
            picture = cv2.GaussianBlur(picture, (0, 0), blur)
        if noise > 0.002:
            picture = picture + rng.standard_normal(picture.shape, np.float32) * np.float32(noise * 255)
        changed.append(np.clip(picture + 0.5, 0, 255).astype(np.uint8))
    return changed[0], changed[1]


def _forth(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _back(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    inverse = cv2.invertAffineTransform(matrix)
    return (points @ inverse[:, :2].T.astype(np.float32) + inverse[:, 2].astype(np.float32)).astype(
        np.float32
    )


def _softened(frame: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Blur a frame that is to be shrunk: sampling alone would alias."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale > 0.85:
        return frame
    return cv2.GaussianBlur(frame, (0, 0), 0.5 * np.sqrt(1 / scale**2 - 1))
