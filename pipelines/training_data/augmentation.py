"""Geometric and photometric augmentation of training pairs.

The geometric augmentation comes first. Each frame is resampled through an affine map; the map of frame 2
differs slightly from that of frame 1, and frame 2 also gets an elastic deformation, so that training covers
motion that the data lack. Flow, validity and landmarks are transformed exactly:

    a point x of frame 1 goes to       a(x)             in the crop,
    a point q of frame 2 goes to       e^-1(b(q))       in the crop, where e(y) = y + d(y).

The photometric augmentation comes last and differs slightly between the frames.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, section 5.2.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipelines.image.bicubic import sample_bicubic, warp_back_bicubic
from pipelines.image.warping import pixel_grid, sample, squared_length
from pipelines.training_data.augmentation_config import Augmentation

# The inverse of the elastic deformation is found by fixed-point iteration.
_TOLERANCE, _MAX_ITERATIONS = 0.01, 30  # pixels, iterations
_FEWEST_KNOTS, _RESIDUAL_KNOTS = 4, 8
_START_BLUR, _FEWEST_PIXELS = 6.0, 100  # standard deviation, pixels; pixels of a face for an affine fit
_UNKNOWN = 0.1  # pixels: where the inverse is not found as exactly, the flow is not valid


@dataclass(frozen=True, eq=False)
class Geometry:
    """Geometric transform from the frames of a pair to the crops that the network sees.

    Attributes:
        map1: Affine map from pixels of frame 1 to pixels of the crop, float64 [2, 3].
        map2: Affine map from pixels of frame 2 to pixels of the crop, before the elastic deformation,
            float64 [2, 3].
        deformation: Elastic deformation d of frame 2 on the grid of the crop, float32 [S, S, 2], pixels: the
            value at y + d(y) moves to y.
    """

    map1: np.ndarray
    map2: np.ndarray
    deformation: np.ndarray

    @cached_property
    def _grid(self) -> np.ndarray:
        return pixel_grid(self.deformation.shape[:2])

    def picture1(self, frame1: np.ndarray) -> np.ndarray:
        """Resample frame 1, [H, W, C], to the crop, float32 [S, S, C]; its border is replicated."""
        return sample_bicubic(_prefilter(frame1, self.map1), _apply_inverse(self.map1, self._grid))

    def picture2(self, frame2: np.ndarray) -> np.ndarray:
        """Resample frame 2, [H, W, C], to the crop, float32 [S, S, C]; its border is replicated."""
        return sample_bicubic(
            _prefilter(frame2, self.map2), _apply_inverse(self.map2, self._grid + self.deformation)
        )

    def points1(self, points: np.ndarray) -> np.ndarray:
        """Map points of frame 1, float [..., 2], (x, y) in pixels, to the crop."""
        return _apply(self.map1, points)

    def points2(self, points: np.ndarray) -> np.ndarray:
        """Map points of frame 2, float [..., 2], (x, y) in pixels, to the crop."""
        target = _apply(self.map2, points)
        if not target.size or not self.deformation.any():
            return target
        rows = target.reshape(-1, *target.shape[-2:])
        mapped = rows
        for _ in range(_MAX_ITERATIONS):  # y <- q - d(y) converges, because the deformation is smooth
            previous, mapped = mapped, rows - sample(self.deformation, mapped, cv2.INTER_LINEAR)
            if np.abs(mapped - previous).max() < _TOLERANCE:
                break
        return mapped.reshape(target.shape)

    def flow(self, flow: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Transform a flow to the crop.

        Args:
            flow: Flow on the grid of frame 1, float32 [H, W, 2], pixels of the frames.
            valid: Where the flow is valid, bool [H, W].

        Returns:
            Flow on the grid of the crop, float32 [S, S, 2], pixels of the crop; and where it is valid,
            bool [S, S].
        """
        start = _apply_inverse(self.map1, self._grid)
        moved = start + sample(flow, start, cv2.INTER_LINEAR)
        end = self.points2(moved)
        missed = end + sample(self.deformation, end, cv2.INTER_LINEAR) - _apply(self.map2, moved)
        found = squared_length(missed) < _UNKNOWN**2
        return (end - self._grid).astype(np.float32), self.mask(valid) & found

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Resample a mask of frame 1, bool [H, W], to the crop; True where all contributing pixels are."""
        start = _apply_inverse(self.map1, self._grid)
        return cv2.remap(mask.astype(np.float32), start, None, cv2.INTER_LINEAR, borderValue=0) > 0.999


def random_geometry(
    rng: np.random.Generator, augmentation: Augmentation, centre: np.ndarray, scale: float, size: int
) -> Geometry:
    """Draw a random geometric transform.

    Args:
        rng: Random number generator.
        augmentation: Limits of the transform.
        centre: Point of the frames at the centre of the untransformed crop, float [2], pixels.
        scale: Pixels of the untransformed crop per pixel of the frames.
        size: Width and height of the crop in pixels.

    Returns:
        The transform of both frames.
    """
    crop_centre = (size - 1) / 2
    angle = np.deg2rad(augmentation.rotation) * rng.uniform(-1, 1)
    zoom = scale * augmentation.scale ** rng.uniform(-1, 1)
    mirror = -1.0 if rng.random() < augmentation.flip_probability else 1.0
    linear = _similarity(angle, zoom) @ np.diag([mirror, 1.0])
    target = crop_centre + augmentation.translation * size * rng.uniform(-1, 1, 2)
    map1 = np.column_stack([linear, target - linear @ centre])

    deformation = np.zeros((size, size, 2), np.float32)
    if rng.random() >= augmentation.relative_probability:
        return Geometry(map1, map1, deformation)
    angle = np.deg2rad(augmentation.relative_rotation) * rng.standard_normal()
    zoom = 1 + augmentation.relative_scale * rng.standard_normal()
    translation = augmentation.relative_translation * rng.standard_normal(2) * rng.random()
    linear = _similarity(angle, zoom)
    relative = np.column_stack([linear, translation + crop_centre - linear @ np.full(2, crop_centre)])
    if augmentation.elastic_amplitude:
        deformation = _random_field(rng, size, augmentation.elastic_amplitude, augmentation.elastic_knots)
    return Geometry(map1, relative @ np.vstack([map1, [0, 0, 1]]), deformation)


def _random_field(rng: np.random.Generator, size: int, amplitude: float, most_knots: int) -> np.ndarray:
    """Draw a smooth vector field, float32 [S, S, 2], of a tenth of the amplitude up to all of it, pixels."""
    counts = rng.integers(_FEWEST_KNOTS, most_knots + 1, 2)
    knots = rng.standard_normal((*counts, 2)).astype(np.float32)
    field = cv2.resize(knots, (size, size), interpolation=cv2.INTER_CUBIC)
    field *= amplitude * 10 ** rng.uniform(-1, 0) / max(np.hypot(*field.T).max(), 1e-6)
    return field


def warp_back_approximately(
    rng: np.random.Generator,
    augmentation: Augmentation,
    frame2: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray,
    face: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Warp frame 2 back by an approximate flow, so that the rest of the flow is left to estimate.

    Args:
        rng: Random number generator.
        augmentation: Limits of the error.
        frame2: Crop of frame 2, uint8 [S, S, 3], RGB.
        flow: Flow from frame 1 to frame 2, float32 [S, S, 2], pixels.
        valid: Where it is valid, bool [S, S].
        face: Pixels of the face, bool [S, S].

    Returns:
        The warped frame 2, uint8 [S, S, 3]; the flow to it from frame 1, float32 [S, S, 2]; and where that is
        valid, bool [S, S].
    """
    grid, known = pixel_grid(valid.shape), face & valid
    start = np.zeros_like(flow)
    if known.sum() >= _FEWEST_PIXELS:
        places = np.concatenate([grid, np.ones((*valid.shape, 1), np.float32)], -1)
        affine, *_ = np.linalg.lstsq(places[known], flow[known], rcond=None)
        start = (places @ affine).astype(np.float32)
        if rng.random() < 0.5:
            weight = known.astype(np.float32)[..., None]
            rest = cv2.GaussianBlur(np.dstack([(flow - start) * weight, weight]), (0, 0), _START_BLUR)
            start += rest[..., :2] / np.maximum(rest[..., 2:], 0.1)
    start += _random_field(rng, len(flow), augmentation.residual_error, _RESIDUAL_KNOTS)
    warped = warp_back_bicubic(frame2.astype(np.float32), start)
    # A point of frame 1 is at p + left(p) in the warped frame, and there start points to p + flow(p).
    left = flow - start
    for _ in range(_MAX_ITERATIONS):
        previous, left = left, flow - sample(start, grid + left, cv2.INTER_LINEAR)
        missed = squared_length(left - previous)
        if missed[valid].max(initial=0) < _TOLERANCE**2:
            break
    return np.clip(warped + 0.5, 0, 255).astype(np.uint8), left, valid & (missed < _UNKNOWN**2)


def photometric_augmentation(
    rng: np.random.Generator, augmentation: Augmentation, frame1: np.ndarray, frame2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Change contrast, gamma, brightness, colour, blur and noise of both frames, slightly differently.

    Args:
        rng: Random number generator.
        augmentation: Limits of the changes.
        frame1: Crop of frame 1, uint8 [S, S, 3], RGB.
        frame2: Crop of frame 2, uint8 [S, S, 3], RGB.

    Returns:
        The changed frames, uint8 [S, S, 3] each.
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


def _similarity(angle: float, zoom: float) -> np.ndarray:
    """Return the matrix of a rotation by `angle` radians and a scaling by `zoom`, float64 [2, 2]."""
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _apply_inverse(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    inverse = cv2.invertAffineTransform(matrix)
    return (points @ inverse[:, :2].T.astype(np.float32) + inverse[:, 2].astype(np.float32)).astype(
        np.float32
    )


def _prefilter(frame: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Blur a frame before it is reduced in size, against aliasing."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale > 0.85:
        return frame
    # As float32: rounded to whole grey levels, the noise of a crop would be that of the rounding.
    return cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 0.5 * np.sqrt(1 / scale**2 - 1))
