"""Pairs without faces: textured shapes that move over a textured background, with exact flow.

A small version of the data that generic flow networks are trained on, as a baseline for rendered faces in
`benchmarks/paper.py`.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, section 4
    (FlyingChairs): affine motion of the background and of every shape.
"""

import cv2
import numpy as np

from pipelines.image.warping import pixel_grid, sample
from pipelines.io.pairs import Pair
from pipelines.synthetic.renderer.appearance.backgrounds import draw_background

_LAYERS = (4, 13)  # number of layers, from 4 to 12, the background included
_MIN_MOTION, _MAX_MOTION = 0.2, 12.0  # pixels; the typical motion of a pair is drawn log-uniformly


def shape_pair(seed: int, k: int, size: int = 256) -> Pair:
    """Make a pair of moving shapes; it depends on the arguments alone.

    Args:
        seed: Seed of the series of pairs.
        k: Number of the pair in the series, from 0.
        size: Width and height of the frames in pixels.

    Returns:
        The pair, with flow and occlusion but without a face.

    Examples:
        >>> pair = shape_pair(seed=0, k=3, size=64)
        >>> pair.frame1.shape, pair.flow.shape, pair.face is None
        ((64, 64, 3), (64, 64, 2), True)
    """
    rng = np.random.default_rng([seed, k, 7])
    grid = pixel_grid((size, size))
    reach = _MIN_MOTION * (_MAX_MOTION / _MIN_MOTION) ** rng.random()
    layers = [_Layer(rng, size, reach, ground=number == 0) for number in range(rng.integers(*_LAYERS))]
    # From back to front.
    frames, owners = [], []
    for moved in (False, True):
        frame, owner = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.int32)
        for number, layer in enumerate(layers):
            colour, alpha = layer.render(grid, moved)
            frame += alpha[..., None] * (colour - frame)
            owner[alpha > 0.5] = number
        frames.append(frame)
        owners.append(owner)
    flow = np.stack([layer.move(grid) - grid for layer in layers])[owners[0], *np.indices((size, size))]
    ends = (grid + flow).astype(np.float32)
    there = cv2.remap(owners[1].astype(np.float32), ends, None, cv2.INTER_NEAREST, borderValue=-1)
    noise = rng.uniform(0, 6)
    light = 1 + 0.1 * rng.standard_normal()
    frame1, frame2 = (
        np.clip(gain * frame + noise * rng.standard_normal(frame.shape) + 0.5, 0, 255).astype(np.uint8)
        for gain, frame in zip((1.0, light), frames, strict=True)
    )
    return Pair(
        name=f"{k:05d}",
        frame1=frame1,
        frame2=frame2,
        flow=flow.astype(np.float32),
        valid=np.ones((size, size), bool),
        occluded=there != owners[0],
        metadata={"pair": f"{k:05d}", "subject": f"shapes{seed}-{k // 4}"},
    )


class _Layer:
    """A textured shape, or the background, with an affine motion."""

    def __init__(self, rng: np.random.Generator, size: int, reach: float, ground: bool):
        self._texture = 255 * np.sqrt(draw_background(rng))  # linear RGB to about sRGB
        side = self._texture.shape[0]
        self._middle = np.full(2, size / 2) if ground else rng.uniform(0, size, 2)
        # The texture has a slightly higher resolution than the frame; that of the background is larger.
        self._zoom = side / (1.3 * size) if ground else rng.uniform(0.6, 1.6)
        self._origin = np.full(2, side / 2)
        self._outline = None
        if not ground:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 10)))
            radii = rng.uniform(0.4, 1, len(angles)) * rng.uniform(0.06, 0.3) * size
            self._outline = np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None]
        around = reach / (0.3 * size)  # rotation and zoom move the rim about as far as the translation
        turn, grow = around * rng.standard_normal() / 2, np.exp(around * rng.standard_normal() / 2)
        cos, sin = grow * np.cos(turn), grow * np.sin(turn)
        self._linear = np.array([[cos, -sin], [sin, cos]])
        self._shift = reach * rng.standard_normal(2)

    def move(self, points: np.ndarray) -> np.ndarray:
        """Return the positions in frame 2 of points of frame 1, float [..., 2], (x, y) in pixels."""
        return (points - self._middle) @ self._linear.T + self._middle + self._shift

    def render(self, grid: np.ndarray, moved: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return colour, float32 [S, S, 3], and alpha, float32 [S, S] in [0, 1], at the pixels of a frame."""
        own = grid - self._middle
        if moved:
            own = (own - self._shift) @ np.linalg.inv(self._linear).T
        colour = sample(self._texture, (own * self._zoom + self._origin).astype(np.float32), cv2.INTER_CUBIC)
        if self._outline is None:
            return colour, np.ones(grid.shape[:2], np.float32)
        # Antialiased, with vertices to a sixteenth of a pixel.
        outline = self._outline + self._middle
        outline = self.move(outline) if moved else outline
        alpha = np.zeros(grid.shape[:2], np.uint8)
        cv2.fillPoly(alpha, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        return colour, alpha.astype(np.float32) / 255
