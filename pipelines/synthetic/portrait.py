"""Pairs made by warping a portrait with a random smooth facial motion.

Frame 2 is made from frame 1 and the flow, so the flow is exact and has no landmark error. The demo trains on
these pairs, because the portrait is in the public domain.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.image.warping import invert_flow, pixel_grid, sample
from pipelines.io.pairs import Pair
from pipelines.landmarks.face_mesh import EYE_CORNERS, face_mask, region_map

# Facial movements as sums of Gaussian displacements: landmark, direction (x to the subject's left, y down)
# and standard deviation, both in units of the distance between the outer corners of the eyes.
_MOVEMENTS: dict[str, list[tuple[int, tuple[float, float], float]]] = {
    "smile": [
        (61, (-0.10, -0.06), 0.22),
        (291, (0.10, -0.06), 0.22),
        (50, (0, -0.04), 0.2),
        (280, (0, -0.04), 0.2),
    ],
    "pucker": [(61, (0.08, 0), 0.2), (291, (-0.08, 0), 0.2)],
    "inner brows up": [(107, (0, -0.08), 0.2), (336, (0, -0.08), 0.2)],
    "outer brow up, right": [(63, (0, -0.09), 0.22)],
    "outer brow up, left": [(293, (0, -0.09), 0.22)],
    "frown": [(107, (0.04, 0.05), 0.18), (336, (-0.04, 0.05), 0.18)],
    "nose wrinkled": [(49, (0.01, -0.05), 0.18), (279, (-0.01, -0.05), 0.18)],
    "lip corners down": [(61, (-0.02, 0.07), 0.18), (291, (0.02, 0.07), 0.18)],
    "jaw down": [(152, (0, 0.14), 0.4)],
    "lid drops, right": [(159, (0, 0.03), 0.08)],
    "lid drops, left": [(386, (0, 0.03), 0.08)],
}
_MAX_GRADIENT = 0.6  # px per px; a flow gradient above 1 would fold the image


@dataclass(frozen=True)
class PortraitMotion:
    """Limits of the motion of a portrait.

    Attributes:
        size: Width and height of the frames in pixels.
        strength: Range of the strength of the expression, drawn log-uniformly; 1 is a strong expression.
        shift: Maximum translation of the head along each axis, pixels.
        turn: Maximum in-plane rotation of the head, degrees.
        zoom: Maximum relative change of size.
        gain: Maximum relative change of brightness between the frames.
        noise: Maximum standard deviation of the sensor noise, grey levels of 255.
    """

    size: int = 128
    strength: tuple[float, float] = (0.1, 1.5)
    shift: float = 3.0
    turn: float = 2.0
    zoom: float = 0.02
    gain: float = 0.08
    noise: float = 3.0


def portrait_pairs(motion: PortraitMotion, seed: int, count: int) -> Iterator[Pair]:
    """Yield pairs made of the public-domain portrait that scikit-image provides.

    Args:
        motion: Limits of the motion.
        seed: Seed of the series of pairs.
        count: Number of pairs.

    Yields:
        Pairs 0 to count - 1 of the series.

    Examples:
        >>> pair = next(portrait_pairs(PortraitMotion(size=96), seed=0, count=1))
        >>> pair.frame1.shape, pair.flow.shape
        ((96, 96, 3), (96, 96, 2))
    """
    import skimage.data

    from pipelines.landmarks.detector import FaceMesh, find_face

    portrait = skimage.data.astronaut()
    with FaceMesh() as face_mesh:
        landmarks = find_face(face_mesh, portrait, "the portrait").landmarks
    for number in range(count):
        yield moved_portrait(portrait, landmarks, motion, seed, number)


def moved_portrait(
    portrait: np.ndarray, landmarks: np.ndarray, motion: PortraitMotion, seed: int, number: int
) -> Pair:
    """Make a pair by warping a portrait. The same seed and number give the same pair.

    Args:
        portrait: Image of one face, uint8 [H, W, 3], RGB.
        landmarks: Face Mesh landmarks of the portrait, float [478, 2], (x, y) in pixels.
        motion: Limits of the motion.
        seed: Seed of the series of pairs.
        number: Number of the pair in the series.

    Returns:
        The pair, with flow, face mask, regions and landmarks of both frames.
    """
    rng = np.random.default_rng([seed, number])
    to_portrait = _random_view(landmarks, motion.size, rng)
    points1 = _apply(np.linalg.inv(to_portrait), landmarks)
    flow = _random_motion(points1, motion, rng)

    # Supersampled twice along each axis, because the portrait has a higher resolution than the frames.
    fine = (pixel_grid((2 * motion.size,) * 2) + 0.5) / 2 - 0.5
    back = sample(invert_flow(flow), fine, cv2.INTER_LINEAR)
    views = [sample(portrait, _apply(to_portrait, points)) for points in (fine, fine + back)]
    frames = [cv2.resize(view, (motion.size,) * 2, interpolation=cv2.INTER_AREA) for view in views]
    gains = (1.0, 1 + rng.uniform(-motion.gain, motion.gain))
    noise = rng.uniform(0, motion.noise)
    frames = [
        np.clip(np.round(frame * gain + rng.normal(0, noise, frame.shape)), 0, 255).astype(np.uint8)
        for frame, gain in zip(frames, gains, strict=True)
    ]
    shape = (motion.size, motion.size)
    moved = sample(flow, points1[None].astype(np.float32), cv2.INTER_LINEAR)[0]
    return Pair(
        name=f"{number:05d}",
        frame1=frames[0],
        frame2=frames[1],
        flow=flow,
        valid=np.ones(shape, bool),
        face=face_mask(points1, shape),
        regions=region_map(points1, shape),
        landmarks1=points1.astype(np.float32),
        landmarks2=(points1 + moved).astype(np.float32),
    )


def _random_view(landmarks: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a random crop: the affine map from pixels of a frame to pixels of the portrait, [3, 3]."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    extent = (high - low).max()
    scale = extent * rng.uniform(1.25, 1.7) / size
    angle = np.deg2rad(rng.uniform(-12, 12))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    centre = (low + high) / 2 + rng.uniform(-0.08, 0.08, 2) * extent
    view = np.eye(3)
    view[:2, :2] = linear
    view[:2, 2] = centre - linear @ np.full(2, (size - 1) / 2)
    return view


def _random_motion(points: np.ndarray, motion: PortraitMotion, rng: np.random.Generator) -> np.ndarray:
    """Draw some facial movements and a small head motion; returns the flow, float32 [S, S, 2], pixels."""
    grid = pixel_grid((motion.size, motion.size)).astype(np.float64)
    right, left = (points[k] for k in EYE_CORNERS)
    # Axes of the face in the frame.
    unit = np.linalg.norm(left - right)
    across = (left - right) / unit
    down = np.array([-across[1], across[0]])

    expression = np.zeros_like(grid)
    drawn = rng.choice(list(_MOVEMENTS), size=rng.integers(1, 5), replace=False)
    strength = np.exp(rng.uniform(*np.log(motion.strength)))
    for name in drawn:
        intensity = strength * rng.uniform(0.3, 1.0)
        for landmark, (x, y), reach in _MOVEMENTS[name]:
            side = intensity * rng.uniform(0.7, 1.0)  # random asymmetry
            squared = np.square(grid - points[landmark]).sum(axis=-1) / np.square(reach * unit)
            expression += np.exp(-squared / 2)[..., None] * side * unit * (x * across + y * down)
    steepest = max(np.abs(np.gradient(expression, axis=axis)).max() for axis in (0, 1))
    expression *= min(1.0, _MAX_GRADIENT / max(steepest, 1e-9))

    # A fifth of the pairs has no head motion.
    amount = 0.0 if rng.random() < 0.2 else rng.random()
    angle = np.deg2rad(amount * rng.uniform(-motion.turn, motion.turn))
    zoom = 1 + amount * rng.uniform(-motion.zoom, motion.zoom)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = points.mean(axis=0)
    head = (grid - centre) @ turn.T + centre - grid
    head += amount * rng.uniform(-motion.shift, motion.shift, 2)
    return (expression + head).astype(np.float32)


def _apply(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:2, :2].T + affine[:2, 2]
