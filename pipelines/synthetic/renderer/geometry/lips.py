"""Contact of the lips: closed at rest, never intersecting."""

import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_shares

#: Inner rims of the upper and lower lip from right to left, without the corners (Face Mesh indices).
UPPER_LINE = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_LINE = (95, 88, 178, 87, 14, 317, 402, 318, 324)
_OVERLAP = 0.1  # cm by which the lips overlap when the mouth is closed
_UPPER, _LOWER = np.array(UPPER_LINE), np.array(LOWER_LINE)


def close_lips(vertices: np.ndarray, shares: np.ndarray) -> None:
    """Bring the inner rims of the lips together, in place.

    Args:
        vertices: Skin vertices, float64 [V, 3], cm.
        shares: Weights by which the skin follows the rims, float32 [V, 18].
    """
    _meet(vertices, shares, vertices[_LOWER] - vertices[_UPPER] + [0, _OVERLAP, -0.01])


def separate_lips(vertices: np.ndarray, shares: np.ndarray) -> None:
    """Move intersecting lips apart to where they meet, in place; arguments as in `close_lips`."""
    gap = vertices[_LOWER] - vertices[_UPPER] + [0, _OVERLAP, -0.01]
    gap[gap[:, 1] > 0] = 0
    if gap.any():
        _meet(vertices, shares, gap)


def _meet(vertices: np.ndarray, shares: np.ndarray, gap: np.ndarray) -> None:
    add_shares(vertices, shares, np.concatenate([gap / 2, -gap / 2]))
