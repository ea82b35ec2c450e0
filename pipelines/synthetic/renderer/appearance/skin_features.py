"""Masks of skin features in texture space: lips, lids, lashes, nostrils, beard, brows and wrinkles.

The texture is a cylindrical projection of the base head: u is the angle around the head, v the height. A
texel is a fixed point of the surface, so features move exactly with the skin.
"""

from functools import lru_cache

import cv2
import numpy as np

from pipelines.landmarks.face_mesh import FACE_OVAL
from pipelines.synthetic.renderer.geometry.head import head_model
from pipelines.synthetic.renderer.geometry.identity import Identity

SIZE = 512
TURN = np.deg2rad(108)  # the texture ends behind the ears
_AXIS_Z = 6.0
_TOP, _BOTTOM = -9.0, 12.5
_SHIFT = 3  # cv2's fixed-point bits
#: Channels of `masks`.
MASKS = ("lips", "line", "lid", "socket", "lash", "nostril", "blush", "beard", "moustache", "mouth_shade")
_OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_LIP_LINE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_UPPER_RIMS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
_LOWER_RIMS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
_LIDS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 190, 56, 28, 27, 29, 30, 247),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 414, 286, 258, 257, 259, 260, 467),
)
_BROWS = (
    ((70, 46), (63, 53), (105, 52), (66, 65), (107, 55)),
    ((300, 276), (293, 283), (334, 282), (296, 295), (336, 285)),
)
_LINES = (  # landmarks along a wrinkle, and its strength
    ((68, 104, 69, 108, 151, 337, 299, 333, 298), 0.6), ((54, 103, 67, 109, 10, 338, 297, 332, 284), 0.4),
    ((63, 105, 66, 107, 9, 336, 296, 334, 293), 0.25), ((129, 203, 206, 216, 212), 1.0),
    ((358, 423, 426, 436, 432), 1.0),
    ((245, 233, 232, 231, 230, 229), 0.7), ((465, 453, 452, 451, 450, 449), 0.7), ((130, 226, 113, 139), 0.5),
    ((359, 446, 342, 368), 0.5), ((33, 35, 143), 0.45), ((263, 265, 372), 0.45), ((107, 55, 193), 0.4),
    ((336, 285, 417), 0.4),
    ((61, 57, 43, 202), 0.6), ((291, 287, 273, 422), 0.6), ((83, 18, 313), 0.45),
    ((190, 56, 28, 27, 29, 30, 247), 1.1),
    ((414, 286, 258, 257, 259, 260, 467), 1.1),
)  # fmt: skip


def skin_coordinates(base: np.ndarray) -> np.ndarray:
    """Return texture coordinates, float64 [N, 2], texels, of points of the base head, float [N, 3], cm."""
    turn = np.arctan2(base[:, 0], _AXIS_Z - base[:, 2])
    height = (base[:, 1] - _TOP) / (_BOTTOM - _TOP)
    return np.stack([(turn / TURN + 1) / 2, height], axis=1) * (SIZE - 1)


@lru_cache(maxsize=1)
def _landmark_texels() -> np.ndarray:
    return skin_coordinates(head_model().vertices[:468].astype(np.float64))


def _fill(points: np.ndarray, blur: float) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 2**_SHIFT).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    return cv2.GaussianBlur(mask, (0, 0), blur) if blur else mask


def _draw(
    lines: list[np.ndarray], width: int, blur: float, strength: list[float] | None = None
) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for line, value in zip(lines, strength or [1.0] * len(lines), strict=True):
        cv2.polylines(
            mask,
            [np.round(_curve(line) * 2**_SHIFT).astype(np.int32)],
            False,
            int(200 * value),
            width,
            cv2.LINE_AA,
            _SHIFT,
        )
    return cv2.GaussianBlur(mask, (0, 0), blur) if blur else mask


def _curve(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """Return a smooth curve near points [N, 2]."""
    t = np.linspace(0, len(points) - 1, steps * (len(points) - 1) + 1)
    index = np.arange(len(points))
    line = np.stack([np.interp(t, index, points[:, k]) for k in (0, 1)], axis=1)
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    padded = np.concatenate([line[:1], line[:1], line, line[-1:], line[-1:]])
    return np.stack([np.convolve(padded[:, k], kernel, mode="valid") for k in (0, 1)], axis=1)


def _blob(points: np.ndarray, radius: float) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.float32)
    y, x = np.mgrid[:SIZE, :SIZE]
    for px, py in points:
        mask += np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * radius**2)).astype(np.float32)
    return np.round(np.clip(mask, 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=1)
def masks() -> np.ndarray:
    """Return the feature masks, the same for all identities, uint8 [SIZE, SIZE, len(MASKS)]."""
    at = _landmark_texels()
    lips = _fill(at[list(_OUTER_LIPS)], 1.6)
    line = _draw([at[list(_LIP_LINE)]], 3, 1.2)
    lid = np.maximum(*(_fill(at[list(points)], 2.0) for points in _LIDS))
    socket = _blob(at[[159, 386, 28, 258, 133, 362, 145, 374]], 17)
    lash = np.maximum(
        _draw([at[list(rim)] for rim in _UPPER_RIMS], 4, 0.8),
        _draw([at[list(rim)] for rim in _LOWER_RIMS], 2, 0.8) // 2,
    )
    below = (at[[98, 327]] + at[[97, 326]]) / 2 + (0, -1.0)
    nostril = _blob(below + [[-1.5, 0], [1.5, 0]], 3.6)
    blush = _blob(at[[50, 280, 205, 425, 117, 346, 4]], 22)
    jaw = [58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288]
    jaw += [435, 434, 432, 287, 273, 335, 406, 313, 18, 83, 182, 106, 43, 57, 212, 214, 215]
    beard = _fill(at[jaw] + (0, 3), 7)
    moustache = _fill(
        at[[57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287, 291, 270, 269, 267, 0, 37, 39, 40, 61]], 4
    )
    shade = _blob(at[[2, 18, 61, 291]], 9)
    return np.stack([lips, line, lid, socket, lash, nostril, blush, beard, moustache, shade], axis=-1)


@lru_cache(maxsize=1)
def shown() -> np.ndarray:
    """Return the texels that need detail, bool [SIZE, SIZE]: all but the scalp and behind the ears."""
    outline = _landmark_texels()[FACE_OVAL]
    return cv2.dilate(_fill(outline, 0), np.ones((61, 61), np.uint8)) > 0


def lines(rng: np.random.Generator) -> np.ndarray:
    """Return the wrinkles of a person, at random offsets from their landmarks, uint8 [SIZE, SIZE]."""
    at = _landmark_texels()
    curves, strength = [], []
    for points, strong in _LINES:
        curves.append(at[list(points)] + rng.normal(0, 1.2, (len(points), 2)) + rng.normal(0, 1.5, 2))
        strength.append(float(np.clip(strong * rng.uniform(0.2, 1.1), 0, 1)))
    return _draw(curves, 2, 1.4, strength)


def brows(identity: Identity, rng: np.random.Generator) -> np.ndarray:
    """Return the brows of an identity, drawn hair by hair, uint8 [SIZE, SIZE]."""
    at = _landmark_texels()
    mask = np.zeros((SIZE, SIZE), np.uint8)
    strokes = int(60 + 170 * identity.brow_density)
    for side, brow in zip((1, -1), _BROWS, strict=True):
        upper, lower = (at[[pair[k] for pair in brow]] for k in (0, 1))
        # The landmarks outline the brow loosely; hair grows in the middle of the outline.
        middle = 0.56 * upper + 0.44 * lower
        half = 0.5 * np.abs(lower[:, 1] - upper[:, 1]) * identity.brow_width * (0.45, 0.62, 0.8, 0.95, 0.8)
        t = np.sort(rng.uniform(0.02, 4, strokes))  # 0 is the outer end
        across = rng.uniform(-1, 1, strokes)
        root = np.stack([np.interp(t, range(5), middle[:, k]) for k in (0, 1)], axis=1)
        root[:, 1] += across * np.interp(t, range(5), half)
        upright = np.clip((t - 2.4) / 1.6, 0, 1)  # the inner hairs are upright
        angle = -upright * 1.25 + 0.35 * across + 0.15 * (1 - upright) + rng.normal(0, 0.12, strokes)
        length = rng.uniform(7, 12, strokes)
        tip = root + length[:, None] * np.stack([-side * np.cos(angle), np.sin(angle)], axis=1)
        lines = np.round(np.stack([root, tip], axis=1) * 2**_SHIFT).astype(np.int32)
        for line, value in zip(lines, rng.integers(120, 235, strokes).tolist(), strict=True):
            cv2.line(mask, line[0].tolist(), line[1].tolist(), value, 1, cv2.LINE_AA, _SHIFT)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.2)
    return cv2.addWeighted(mask, 0.62, soft, 0.75 * (0.4 + 0.6 * identity.brow_density), 0)
