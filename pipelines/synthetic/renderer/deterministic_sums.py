"""Weighted sums over vertices in a fixed order, bit-identical on every machine.

The order of additions in a matrix product depends on the processor.
"""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def add_weighted(total: np.ndarray, fields: np.ndarray, weights: np.ndarray) -> None:
    """Add the weighted sum of displacement fields, float32 [F, V, 3], to float64 [V, 3] in place."""
    for f in range(len(weights)):
        w = weights[f]
        if w != 0:
            for v in range(total.shape[0]):
                for k in range(3):
                    total[v, k] += w * fields[f, v, k]


@numba.njit(nogil=True, cache=True)
def add_shares(total: np.ndarray, shares: np.ndarray, steps: np.ndarray) -> None:
    """Add displacements, float64 [N, 3], by weights [V, N], to vertices, float64 [V, 3], in place."""
    for v in range(total.shape[0]):
        for n in range(steps.shape[0]):
            w = shares[v, n]
            if w > 1e-3 or w < -1e-3:
                for k in range(3):
                    total[v, k] += w * steps[n, k]


@numba.njit(nogil=True, cache=True)
def rotated(points: np.ndarray, rotation: np.ndarray, pivot: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotate points, float64 [N, 3], by a matrix, float64 [3, 3], and move the pivot to the target."""
    out = np.empty_like(points)
    for n in range(points.shape[0]):
        x, y, z = points[n, 0] - pivot[0], points[n, 1] - pivot[1], points[n, 2] - pivot[2]
        for k in range(3):
            out[n, k] = x * rotation[k, 0] + y * rotation[k, 1] + z * rotation[k, 2] + target[k]
    return out
