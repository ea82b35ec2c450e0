"""Lips that meet: closed at rest, and never through each other."""

import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_shares

#: Inner rims of upper and lower lip from the subject's right to the left, without the corners.
UPPER_LINE = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_LINE = (95, 88, 178, 87, 14, 317, 402, 318, 324)
_OVERLAP = 0.1  # cm by which the lower rim lies behind the upper one when the mouth is shut
_UPPER, _LOWER = np.array(UPPER_LINE), np.array(LOWER_LINE)


def close(vertices: np.ndarray, shares: np.ndarray) -> None:
    """Bring the lips' inner rims together, in place.

    Args:
        vertices: float64 [V, 3], cm.
        shares: float32 [V, 18], how the skin follows the rims.
    """
    _meet(vertices, shares, vertices[_LOWER] - vertices[_UPPER] + [0, _OVERLAP, -0.01])


def keep_apart(vertices: np.ndarray, shares: np.ndarray) -> None:
    """Where the lower lip would rise through the upper one, both stop half way, in place."""
    gap = vertices[_LOWER] - vertices[_UPPER] + [0, _OVERLAP, -0.01]
    gap[gap[:, 1] > 0] = 0
    if gap.any():
        _meet(vertices, shares, gap)


def _meet(vertices: np.ndarray, shares: np.ndarray, gap: np.ndarray) -> None:
    add_shares(vertices, shares, np.concatenate([gap / 2, -gap / 2]))
