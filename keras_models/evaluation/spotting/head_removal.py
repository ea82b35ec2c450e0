"""Removal of the head's motion from states of a face that are compared over a long time.

A robust fit with a redescending loss, as `labels.rigid_motion` has it, has several minima. From frame to
frame it may change from one to another, and all of the face seems to move. The least absolute deviation has
one minimum only, which moves evenly with the data. It is fitted to the whole face, of which an expression
moves the smaller part.
"""

import numpy as np

_ROUNDS = 20  # of iteratively reweighted least squares
_LEAST_DEVIATION = 0.02  # pixels; bounds the weights


def remove_head(displacements: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Subtract the affine map with the least sum of distances to the displacements, in each state.

    Args:
        displacements: (x, y) of each part of the face, float [T, N, 2], pixels.
        points: positions of the parts, (x, y), float [N, 2], of the order of 1.

    Returns:
        Displacements without the head's motion, float64 [T, N, 2].

    Examples:
        >>> points = np.array([[-1.0, -1], [1, -1], [-1, 1], [1, 1], [0, 0], [0, 1]])
        >>> moved = points[None] * 0.1 + 2.0  # the head comes closer and moves aside
        >>> moved[0, 4] += 0.5
        >>> np.abs(remove_head(moved, points)).round(2)[0, :, 0].tolist()
        [0.0, 0.0, 0.0, 0.0, 0.5, 0.0]
    """
    design = np.column_stack([points, np.ones(len(points))])
    products = (design[:, :, None] * design[:, None]).reshape(len(points), 9)
    weights = np.ones(displacements.shape[:2])
    for _ in range(_ROUNDS):
        left = (weights @ products).reshape(-1, 3, 3)
        affine = np.linalg.solve(left, design.T @ (weights[..., None] * displacements))
        residual = displacements - design @ affine
        weights = 1 / np.maximum(np.linalg.norm(residual, axis=-1), _LEAST_DEVIATION)
    return residual
