"""Endless tiles of band-limited noise: made once a process, looked up ever after."""

from functools import lru_cache

import numpy as np

TILE = 512


@lru_cache(maxsize=16)
def tile(scale: float, seed: int, stretch: float = 1.0, size: int = TILE) -> np.ndarray:
    """A periodic Gaussian field.

    Args:
        scale: wave length in texels around which the spectrum lies.
        seed: of the field.
        stretch: how much longer the waves are along rows (strands of hair) than across.
        size: edge of the tile.

    Returns:
        float32 [size, size], mean 0, standard deviation 1.
    """
    white = np.random.default_rng(seed).standard_normal((size, size))
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    radius = np.hypot(fx, fy * stretch) * scale
    band = np.exp(-((np.log2(np.maximum(radius, 1e-6))) ** 2) / 0.7)
    field = np.fft.ifft2(np.fft.fft2(white) * band).real
    return ((field - field.mean()) / field.std()).astype(np.float32)


@lru_cache(maxsize=1)
def strands() -> np.ndarray:
    """Density at which a strand of hair shows, float32 [256, 256], 0-1: long waves down the rows."""
    field = tile(5.0, 11, stretch=14.0, size=256) + 0.6 * tile(2.6, 12, stretch=14.0, size=256)
    ranks = np.argsort(np.argsort(field.ravel(), kind="stable"), kind="stable")
    return (ranks.reshape(field.shape) / field.size).astype(np.float32)
