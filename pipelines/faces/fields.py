"""Sums of displacement fields, the same to the last bit on every machine."""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def add_weighted(total: np.ndarray, fields: np.ndarray, weights: np.ndarray) -> None:
    """Add a weighted sum of fields, float32 [F, V, 3], to float64 [V, 3], in place.

    Term by term and not as a matrix product, whose order of additions depends on the machine.
    """
    for f in range(len(weights)):
        w = weights[f]
        if w != 0:
            for v in range(total.shape[0]):
                for k in range(3):
                    total[v, k] += w * fields[f, v, k]


@numba.njit(nogil=True, cache=True)
def add_shares(total: np.ndarray, shares: np.ndarray, steps: np.ndarray) -> None:
    """Add to each vertex, float64 [V, 3], its shares, float32 [V, N], of steps, float64 [N, 3], in place."""
    for v in range(total.shape[0]):
        for n in range(steps.shape[0]):
            w = shares[v, n]
            if w > 1e-3 or w < -1e-3:
                for k in range(3):
                    total[v, k] += w * steps[n, k]
