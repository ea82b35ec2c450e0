"""One portrait moved by known, smooth face motion: pairs of pictures with an exact label.

Frame 2 is made from frame 1 and the flow, so the flow is true by construction; no landmark noise enters.
This is what the demo learns from: a real face without anybody's rights on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.image.warping import invert_flow, pixel_grid, sample
from pipelines.io.pairs import Pair
from pipelines.landmarks.face_mesh import EYE_CORNERS, face_mask, region_map

# Facial movements as bumps of displacement: landmark, direction (subject's right is -x, y down) and reach,
# both in units of the distance between the outer eye corners. Paired ones lie left and right.
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
_STEEPEST = 0.6  # px per px; a flow that changes faster than 1 would fold the face over itself


@dataclass(frozen=True)
class PortraitMotion:
    """How far a portrait is moved.

    Attributes:
        size: width and height of the pictures in pixels.
        strength: range of the overall strength, drawn evenly in its logarithm; 1 is a strong expression.
        shift: greatest head translation in pixels, along each axis.
        turn: greatest in-plane head rotation in degrees.
        zoom: greatest relative change of size.
        gain: greatest relative change of brightness between the frames.
        noise: greatest standard deviation of sensor noise, of 255.
    """

    size: int = 128
    strength: tuple[float, float] = (0.1, 1.5)
    shift: float = 3.0
    turn: float = 2.0
    zoom: float = 0.02
    gain: float = 0.08
    noise: float = 3.0


def portrait_pairs(motion: PortraitMotion, seed: int, count: int) -> Iterator[Pair]:
    """Yield the first pairs of a series made of the public-domain portrait that scikit-image ships.

    Args:
        motion: how far it is moved.
        seed: of the series.
        count: number of pairs.
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
    """Make pair `number` of `seed`; the same two numbers give the same pair.

    Args:
        portrait: uint8 [H, W, 3], RGB, one face in it.
        landmarks: float [478, 2], its Face Mesh landmarks, (x, y) in pixels.
        motion: how far to move it.
        seed: of the series.
        number: of the pair in the series.

    Returns:
        A pair with flow, face mask, regions and landmarks of both frames.
    """
    rng = np.random.default_rng([seed, number])
    to_portrait = _random_view(landmarks, motion.size, rng)
    points1 = _apply(np.linalg.inv(to_portrait), landmarks)
    flow = _random_motion(points1, motion, rng)

    # Two samples a pixel in each direction, then averaged: the portrait is finer than the pictures.
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
    """Return the affine map, [3, 3], from pixels of a picture of the face to pixels of the portrait."""
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
    """Draw some movements and a small head motion; flow on frame 1's grid, float32 [S, S, 2]."""
    grid = pixel_grid((motion.size, motion.size)).astype(np.float64)
    right, left = (points[k] for k in EYE_CORNERS)
    # The face's own axes, which turn with the view.
    unit = np.linalg.norm(left - right)
    across = (left - right) / unit
    down = np.array([-across[1], across[0]])

    expression = np.zeros_like(grid)
    drawn = rng.choice(list(_MOVEMENTS), size=rng.integers(1, 5), replace=False)
    strength = np.exp(rng.uniform(*np.log(motion.strength)))
    for name in drawn:
        intensity = strength * rng.uniform(0.3, 1.0)
        for landmark, (x, y), reach in _MOVEMENTS[name]:
            side = intensity * rng.uniform(0.7, 1.0)  # no face is symmetric
            squared = np.square(grid - points[landmark]).sum(axis=-1) / np.square(reach * unit)
            expression += np.exp(-squared / 2)[..., None] * side * unit * (x * across + y * down)
    steepest = max(np.abs(np.gradient(expression, axis=axis)).max() for axis in (0, 1))
    expression *= min(1.0, _STEEPEST / max(steepest, 1e-9))

    # Heads move between most frames, but a share of pairs is pure expression.
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
