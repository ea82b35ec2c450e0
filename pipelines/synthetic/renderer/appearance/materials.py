"""Materials: the colour of each at its texture coordinates."""

from dataclasses import dataclass
from enum import IntEnum

import numba
import numpy as np


class Material(IntEnum):
    """Material of a triangle."""

    SKIN = 0
    EYE = 1
    MOUTH = 2
    TEETH = 3
    HAIR = 4
    EAR = 5
    TORSO = 6
    GLASSES = 7


@dataclass(frozen=True, eq=False)
class Surface:
    """Mesh without its vertex positions.

    Attributes:
        triangles: Vertex indices, int32 [T, 3].
        material: `Material` of each triangle, uint8 [T].
        sheer: Triangles with gaps between strands of hair, bool [T].
        coordinates: Texture coordinates of each vertex in its material, float32 [V, 2].
        cover: Density of the hair and texture coordinates (across, along) of its strands, float32 [V, 3].
    """

    triangles: np.ndarray
    material: np.ndarray
    sheer: np.ndarray
    coordinates: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True, eq=False)
class Appearance:
    """Colours and textures of one person, linear RGB.

    Attributes:
        skin: Mipmaps of the skin texture, the finest float32 [512, 512, 3].
        eye: Texture of the eyeballs, float32 [128, 128, 3].
        strands: Texture of the strands of hair, float32 [256, 256], see `noise.strands`.
        tones: Colours of plain skin, hair, cloth and glasses, float32 [4, 3].
        clothes: Height of the neckline in front, its depth relative to the sides, stripes along, stripes
            across, and their contrast.
        gloss: Gloss of the skin, 0-1.
        eye_span: Share of the radius of the eyeball that its texture covers.
    """

    skin: tuple[np.ndarray, ...]
    eye: np.ndarray
    strands: np.ndarray
    tones: np.ndarray
    clothes: tuple[float, float, float, float, float]
    gloss: float
    eye_span: float


@numba.njit(nogil=True, cache=True, error_model="numpy")
def bilinear(texture, x, y):
    """Sample a texture [H, W, 3] bilinearly; the edge is replicated. Returns three channels."""
    zero, one = np.float32(0), np.float32(1)
    x = min(max(np.float32(x), zero), np.float32(texture.shape[1]) - np.float32(1.001))
    y = min(max(np.float32(y), zero), np.float32(texture.shape[0]) - np.float32(1.001))
    i, j = int(x), int(y)
    fx, fy = x - np.float32(i), y - np.float32(j)
    a, b, c, d = (one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy
    first, second = texture[j], texture[j + 1]
    return (
        a * first[i, 0] + b * first[i + 1, 0] + c * second[i, 0] + d * second[i + 1, 0],
        a * first[i, 1] + b * first[i + 1, 1] + c * second[i, 1] + d * second[i + 1, 1],
        a * first[i, 2] + b * first[i + 1, 2] + c * second[i, 2] + d * second[i + 1, 2],
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _strand(hairs, along, across):
    """Sample the periodic strand texture; its size is a power of two."""
    n = hairs.shape[0]
    return hairs[
        np.uint32(int(np.floor(along * n)) & (n - 1)), np.uint32(int(np.floor(across * n)) & (n - 1))
    ]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def base_colour(kind, u, v, eye, hairs, tones, clothes, eye_span):
    """Return the colour of a material other than skin at its texture coordinates, linear RGB."""
    if kind == 1:
        span = (eye.shape[0] - 1) / 2
        return bilinear(eye, (u / eye_span + 1) * span, (v / eye_span + 1) * span)
    if kind == 2:  # the mouth darkens towards the throat
        dark = (1 - v) * (1 - v) * 0.5
        return 0.20 * dark + 0.004, 0.05 * dark + 0.002, 0.05 * dark + 0.002
    if kind == 3:
        cell = u / 0.6 + 1000
        edge = abs(cell - np.floor(cell) - 0.5)
        gap = 1 - 0.45 * min(max((edge - 0.42) / 0.08, 0.0), 1.0)
        gum = min(max((0.3 - v) / 0.1, 0.0), 1.0)
        tone = gap * max(0.85 * (1 - 0.22 * abs(u)), 0.1)
        return (0.66 - 0.24 * gum) * tone, (0.60 - 0.46 * gum) * tone, (0.48 - 0.35 * gum) * tone
    if kind == 4:
        tone = 0.45 + 0.75 * _strand(hairs, u, v)
        return tones[1, 0] * tone, tones[1, 1] * tone, tones[1, 2] * tone
    if kind == 5:
        tone = 0.55 + 0.5 * u
        return tones[0, 0] * tone, tones[0, 1] * tone * 0.88, tones[0, 2] * tone * 0.88
    if kind == 6:
        line = clothes[0] - (0.6 + 0.6 * clothes[1]) * (1 - np.cos(u))
        grain = _strand(hairs, u / 3.2, v / 11) - 0.5
        if v < line:
            tone = 0.9 + 0.05 * grain
            return tones[0, 0] * tone, tones[0, 1] * tone, tones[0, 2] * tone
        tone = 1 + 0.14 * grain
        if clothes[2] > 0 and np.sin(u * 6.28 * clothes[2]) > 0.3:
            tone *= 1 - clothes[4]
        if clothes[3] > 0 and np.sin(v * 6.28 / clothes[3]) > 0.3:
            tone *= 1 - clothes[4]
        if v < line + 0.35:  # the hem
            tone *= 0.72
        return tones[2, 0] * tone, tones[2, 1] * tone, tones[2, 2] * tone
    return tones[3, 0] * 1.0, tones[3, 1] * 1.0, tones[3, 2] * 1.0
