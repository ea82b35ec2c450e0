"""Periodic tiles of band-limited noise, cached per process."""

from functools import lru_cache

import numpy as np

TILE = 512


@lru_cache(maxsize=16)
def tile(scale: float, seed: int, stretch: float = 1.0, size: int = TILE) -> np.ndarray:
    """Return a periodic Gaussian random field.

    Args:
        scale: Centre wavelength of the spectrum in texels.
        seed: Seed of the field.
        stretch: Ratio of the wavelengths along and across rows; large for strands of hair.
        size: Width and height of the tile in texels.

    Returns:
        Field, float32 [size, size], with mean 0 and standard deviation 1.
    """
    white = np.random.default_rng(seed).standard_normal((size, size))
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    radius = np.hypot(fx, fy * stretch) * scale
    band = np.exp(-((np.log2(np.maximum(radius, 1e-6))) ** 2) / 0.7)
    field = np.fft.ifft2(np.fft.fft2(white) * band).real
    return ((field - field.mean()) / field.std()).astype(np.float32)


@lru_cache(maxsize=1)
def strands() -> np.ndarray:
    """Return the density above which a strand of hair is visible, float32 [256, 256], 0-1."""
    field = tile(5.0, 11, stretch=14.0, size=256) + 0.6 * tile(2.6, 12, stretch=14.0, size=256)
    ranks = np.argsort(np.argsort(field.ravel(), kind="stable"), kind="stable")
    return (ranks.reshape(field.shape) / field.size).astype(np.float32)
