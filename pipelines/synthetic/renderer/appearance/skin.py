"""Skin texture: tone, redness, pores, freckles, wrinkles, brows, lashes, lips and beard."""

from functools import lru_cache

import cv2
import numba
import numpy as np

from pipelines.synthetic.renderer.appearance import skin_features
from pipelines.synthetic.renderer.appearance.noise import TILE, strands, tile
from pipelines.synthetic.renderer.appearance.skin_features import SIZE, TURN
from pipelines.synthetic.renderer.geometry.identity import Identity

_FACE_RADIUS = 8.0  # cm, distance of the face from the axis of the texture
#: Wavelengths in texels (0.06 cm) of skin relief coarser than pores, and their contrast.
_RELIEF = ((9.0, 0.009), (16.0, 0.012))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _paint(
    shown,
    masks,
    lines,
    brows,
    pores,
    relief,
    blotch,
    spots,
    hairs,
    offsets,
    skin,
    lips,
    hair,
    brow,
    make_up,
    amounts,
    out,
):
    redness, age, freckles, stubble, beard, moustache = amounts
    n, m = pores.shape[0], hairs.shape[0]
    inverse = 1.0 / 255
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if not shown[y, x]:
                for c in range(3):
                    out[y, x, c] = skin[c] * skin[c] * (0.2 + 0.8 * skin[c])
                continue
            k = masks[y, x]
            j, i = (y + offsets[0]) % n, (x + offsets[1]) % n
            fine = pores[j, i]
            broad = blotch[(y + offsets[2]) % n, (x + offsets[3]) % n]
            spot = spots[(y + offsets[4]) % n, (x + offsets[5]) % n]
            red = redness * (0.34 * k[6] * inverse + 0.035 * broad + 0.04)
            dark = 1 + (0.022 + 0.022 * age) * fine + (0.6 + 1.0 * age) * relief[j, i] + 0.018 * broad
            dark *= 1 - 0.2 * k[3] * inverse * (0.5 + age) - 0.1 * k[9] * inverse
            dark *= 1 - 0.5 * (0.15 + 0.85 * age) * lines[y, x] * inverse
            if spot > 1.7 and freckles > 0:
                dark *= 1 - freckles * 0.4 * min((spot - 1.7) * 3, 1.0)
            shadow = stubble * 0.34 * max(k[7], k[8]) * inverse * (0.75 + 0.25 * fine)
            browed = min(brows[y, x] * inverse * 1.1, 1.0)
            for c in range(3):
                value = skin[c] * (1 - red * (0.0 if c == 0 else 0.3)) * dark
                value *= 1 - shadow * (1.0 if c != 2 else 0.8)
                out[y, x, c] = (1 - browed) * value + browed * brow[c]
            if k[0] | k[1] | k[2] | k[4] | k[5] | k[7] | k[8]:
                lip = k[0] * inverse
                bearded = 0.0
                if beard + moustache > 0:
                    strand = hairs[(y // 2 + offsets[0]) % m, (3 * x + offsets[1]) % m]
                    bearded = max(beard * k[7], moustache * k[8]) * inverse * (1 - lip)
                    bearded = min(max((bearded * 1.7 - strand * 0.8) * 1.6, 0.0), 0.95)
                shut = min(k[1] * inverse * 0.9, 0.85)
                lash = min(k[4] * inverse * 1.05, 0.92)
                nostril = min(k[5] * inverse, 0.9)
                lidded = make_up * 0.45 * k[2] * inverse
                for c in range(3):
                    value = out[y, x, c]
                    value = (1 - lip) * value + lip * lips[c] * (1 + 0.06 * fine + 0.04 * broad)
                    value *= 1 - lidded * (0.8 if c != 2 else 0.6)
                    if bearded > 0:
                        value = (1 - bearded) * value + bearded * hair[c] * (0.55 + 0.7 * strand)
                    value *= 1 - lash * (1 - 0.1 * c)
                    value *= 1 - nostril * (0.85 + 0.05 * c)
                    value *= 1 - shut * (0.8 + 0.07 * c)
                    out[y, x, c] = value
            for c in range(3):
                value = min(max(out[y, x, c], np.float32(0)), np.float32(1))
                out[y, x, c] = value * value * (0.2 + 0.8 * value)  # sRGB to linear light, within 0.01


@lru_cache(maxsize=1)
def _relief() -> np.ndarray:
    return sum(np.float32(contrast) * tile(length, 40 + k) for k, (length, contrast) in enumerate(_RELIEF))


def skin_texture(identity: Identity) -> np.ndarray:
    """Make the skin texture of an identity.

    Args:
        identity: Identity of the person.

    Returns:
        Texture, float32 [SIZE, SIZE, 3], linear RGB 0-1.
    """
    rng = np.random.default_rng(identity.texture_seed)
    offsets = rng.integers(0, TILE, 6)
    out = np.empty((SIZE, SIZE, 3), np.float32)
    i = identity
    amounts = (i.redness, i.age, i.freckles, i.stubble, i.beard, i.moustache)
    _paint(
        skin_features.shown(), skin_features.masks(), skin_features.lines(rng), skin_features.brows(i, rng),
        tile(3.5, 1), _relief(), tile(40.0, 2), tile(5.0, 3), strands(), offsets,
        i.skin, i.lips, i.hair, i.brow, i.make_up, amounts, out,
    )  # fmt: skip
    return out


def levels(texture: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the mipmaps of a texture: full, half and quarter size.

    Each texel is the mean of four finer ones. A wider filter would blur the pores at the resolution of frames
    of 256x256.
    """
    half, quarter = (
        cv2.resize(texture, (SIZE // n, SIZE // n), interpolation=cv2.INTER_AREA) for n in (2, 4)
    )
    return texture, half, quarter


def level_for(pixels_per_cm: float) -> int:
    """Return the mipmap level whose texels are about as large as the pixels of a frame."""
    texels_per_pixel = SIZE / (2 * TURN * _FACE_RADIUS) / pixels_per_cm
    return int(np.clip(np.ceil(np.log2(0.8 * texels_per_pixel)), 0, 2))
