"""Pairs of frames without faces: textured shapes that move over a textured ground, with exact flow.

What generic flow networks learn from, in small: the rival of rendered faces in `benchmarks/paper.py`.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, section 4
    (FlyingChairs): affine motion of the ground and, on top of it, of every shape.
"""

import cv2
import numpy as np

from pipelines.image.warping import pixel_grid, sample
from pipelines.io.pairs import Pair
from pipelines.synthetic.renderer.appearance.backgrounds import draw_background

_SHAPES = (4, 13)  # so many, at least and less than
_LEAST, _MOST = 0.2, 12.0  # pixels, the typical motion of a pair, drawn log-evenly


def shape_pair(seed: int, k: int, size: int = 256) -> Pair:
    """Draw pair `k` of a series; it depends on the arguments alone.

    Args:
        seed: of the series.
        k: number of the pair, from 0.
        size: height and width in pixels.

    Returns:
        The pair with its occlusion; there is no face in it.
    """
    rng = np.random.default_rng([seed, k, 7])
    grid, reach = pixel_grid((size, size)), _LEAST * (_MOST / _LEAST) ** rng.random()
    layers = [_Layer(rng, size, reach, ground=number == 0) for number in range(rng.integers(*_SHAPES))]
    # From the back to the front; in the second frame every layer has moved.
    frames, owners = [], []
    for moved in (False, True):
        frame, owner = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.int32)
        for number, layer in enumerate(layers):
            picture, cover = layer.look(grid, moved)
            frame += cover[..., None] * (picture - frame)
            owner[cover > 0.5] = number
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
    """A textured shape, or the ground, with an affine motion."""

    def __init__(self, rng: np.random.Generator, size: int, reach: float, ground: bool):
        self._texture = 255 * np.sqrt(draw_background(rng))  # linear light to about what a camera stores
        side = self._texture.shape[0]
        self._middle = np.full(2, size / 2) if ground else rng.uniform(0, size, 2)
        # The texture is a little finer than the picture, and the ground's reaches beyond its border.
        self._zoom = side / (1.3 * size) if ground else rng.uniform(0.6, 1.6)
        self._origin = np.full(2, side / 2)
        self._outline = None
        if not ground:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 10)))
            radii = rng.uniform(0.4, 1, len(angles)) * rng.uniform(0.06, 0.3) * size
            self._outline = np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None]
        around = reach / (0.3 * size)  # turning and growing move the rim about as far as the shift
        turn, grow = around * rng.standard_normal() / 2, np.exp(around * rng.standard_normal() / 2)
        cos, sin = grow * np.cos(turn), grow * np.sin(turn)
        self._linear = np.array([[cos, -sin], [sin, cos]])
        self._shift = reach * rng.standard_normal(2)

    def move(self, points: np.ndarray) -> np.ndarray:
        """Where points of the first frame are in the second, float [..., 2], (x, y)."""
        return (points - self._middle) @ self._linear.T + self._middle + self._shift

    def look(self, grid: np.ndarray, moved: bool) -> tuple[np.ndarray, np.ndarray]:
        """What the layer shows at the pixels of a frame, [S, S, 3], and its cover, [S, S] in [0, 1]."""
        own = grid - self._middle
        if moved:
            own = (own - self._shift) @ np.linalg.inv(self._linear).T
        picture = sample(self._texture, (own * self._zoom + self._origin).astype(np.float32), cv2.INTER_CUBIC)
        if self._outline is None:
            return picture, np.ones(grid.shape[:2], np.float32)
        # To a sixteenth of a pixel, with a soft rim.
        outline = self._outline + self._middle
        outline = self.move(outline) if moved else outline
        cover = np.zeros(grid.shape[:2], np.uint8)
        cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        return picture, cover.astype(np.float32) / 255
