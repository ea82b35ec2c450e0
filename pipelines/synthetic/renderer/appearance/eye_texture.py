"""Texture of the eyeball: pupil, iris and veins."""

from functools import lru_cache

import numpy as np

from pipelines.synthetic.renderer.appearance.noise import TILE, tile
from pipelines.synthetic.renderer.geometry.identity import Identity

#: Size of the texture in texels, and the share of the radius of the eyeball that it covers.
EYE_SIZE = 128
EYE_SPAN = 0.75


@lru_cache(maxsize=1)
def _iris_grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:EYE_SIZE, :EYE_SIZE] / (EYE_SIZE - 1) * 2 - 1
    return np.hypot(x, y), np.arctan2(y, x)


def eye_texture(identity: Identity, iris_radius: float) -> np.ndarray:
    """Make the texture of an eyeball, seen along its axis.

    Args:
        identity: Identity of the person.
        iris_radius: Radius of the iris as a share of the radius of the eyeball.

    Returns:
        Texture, float32 [EYE_SIZE, EYE_SIZE, 3], linear RGB 0-1.
    """
    radius, turn = _iris_grid()
    radius = radius * EYE_SPAN / iris_radius
    spokes = tile(5.0, 5)[(identity.texture_seed % TILE), (turn * 40).astype(int) % TILE]
    iris = identity.iris * (1.0 + 0.25 * spokes[..., None])
    iris = iris * (1.25 - 0.75 * np.clip((radius - 0.7) / 0.3, 0, 1))[..., None]
    veins = 0.03 * tile(12.0, 6)[:EYE_SIZE, :EYE_SIZE] * np.clip(radius - 1.2, 0, 1)
    white = np.array((0.86, 0.82, 0.80)) - (0.04 + veins)[..., None] * np.array((0, 1, 1))
    rim = np.clip((radius - 0.94) / 0.12, 0, 1)[..., None]
    colour = (1 - rim) * iris + rim * white
    pupil = np.clip((radius - 0.34) / 0.08, 0, 1)[..., None]
    colour = np.clip(colour * pupil + 0.02 * (1 - pupil), 0, 1)
    return (colour * colour * (0.2 + 0.8 * colour)).astype(np.float32)
