"""The linear system of a variational flow correction, solved by successive over-relaxation.

The smoothness weights are lagged: they are taken from the solution so far, every few sweeps.

References:
    Young, "Iterative Solution of Large Linear Systems", Academic Press 1971.
    Brox et al., "High accuracy optical flow estimation based on a theory for warping", ECCV 2004.
"""

import numba
import numpy as np

_REWEIGHT_EVERY = 5  # sweeps
_OVERRELAXATION = np.float32(1.9)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _smoothness_weights(flow, stiffness, jump_squared, right, down):
    """Fill in the weights of the edges to the right and to the lower neighbour; 0 where there is none."""
    height, width = flow.shape[:2]
    one = np.float32(1)
    for y in range(height):
        for x in range(width):
            u, v = flow[y, x, 0], flow[y, x, 1]
            right[y, x] = down[y, x] = np.float32(0)
            if x < width - 1:
                du, dv = flow[y, x + 1, 0] - u, flow[y, x + 1, 1] - v
                right[y, x] = stiffness / np.sqrt(one + (du * du + dv * dv) / jump_squared)
            if y < height - 1:
                du, dv = flow[y + 1, x, 0] - u, flow[y + 1, x, 1] - v
                down[y, x] = stiffness / np.sqrt(one + (du * du + dv * dv) / jump_squared)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _invert(tensor, trust, right, down, inverse):
    """Fill in the inverse of each pixel's own 2x2 system: 11, 12, 22, times the over-relaxation."""
    height, width = right.shape
    for y in range(height):
        for x in range(width):
            total = trust + right[y, x] + down[y, x]
            if x > 0:
                total += right[y, x - 1]
            if y > 0:
                total += down[y - 1, x]
            a11, a12, a22 = tensor[y, x, 0] + total, tensor[y, x, 1], tensor[y, x, 2] + total
            factor = _OVERRELAXATION / (a11 * a22 - a12 * a12)
            inverse[y, x, 0] = factor * a22
            inverse[y, x, 1] = -factor * a12
            inverse[y, x, 2] = factor * a11


@numba.njit(cache=True, nogil=True, fastmath=True)
def solve_correction(tensor, flow, start, trust, stiffness, jump_squared, sweeps):
    """Find the correction of a flow, by sweeps of over-relaxation.

    Args:
        tensor: float32 [h, w, 5], products xx, xy, yy of the gradient, and xr, yr with the residual.
        flow: float32 [h, w, 2], what is to be smooth of the flow that the data term is linear around.
        start: float32 [h, w, 2], what the sum of flow and correction is drawn to.
        trust: float32, weight of `start`; more than 0, so that blank regions have a solution.
        stiffness: float32, weight of the smoothness.
        jump_squared: float32, squared change from pixel to pixel above which smoothness gives way.
        sweeps: over the grid.

    Returns:
        float32 [h, w, 2].
    """
    height, width = flow.shape[:2]
    right, down = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    inverse, pull = np.empty((height, width, 3), np.float32), np.empty((height, width, 2), np.float32)
    for y in range(height):
        for x in range(width):
            # The data term is linear around `flow`, from where the solution moves away.
            xx, xy, yy = tensor[y, x, 0], tensor[y, x, 1], tensor[y, x, 2]
            u, v = flow[y, x, 0], flow[y, x, 1]
            pull[y, x, 0] = trust * start[y, x, 0] + xx * u + xy * v - tensor[y, x, 3]
            pull[y, x, 1] = trust * start[y, x, 1] + xy * u + yy * v - tensor[y, x, 4]
    kept = np.float32(1) - _OVERRELAXATION
    moved = flow.copy()
    for sweep in range(sweeps):
        if sweep % _REWEIGHT_EVERY == 0:
            _smoothness_weights(moved, stiffness, jump_squared, right, down)
            _invert(tensor, trust, right, down, inverse)
        for y in range(height):
            for x in range(width):
                u, v = pull[y, x, 0], pull[y, x, 1]
                # The left neighbour comes last: it is the one that has to be waited for.
                if x < width - 1:
                    u += right[y, x] * moved[y, x + 1, 0]
                    v += right[y, x] * moved[y, x + 1, 1]
                if y > 0:
                    u += down[y - 1, x] * moved[y - 1, x, 0]
                    v += down[y - 1, x] * moved[y - 1, x, 1]
                if y < height - 1:
                    u += down[y, x] * moved[y + 1, x, 0]
                    v += down[y, x] * moved[y + 1, x, 1]
                if x > 0:
                    u += right[y, x - 1] * moved[y, x - 1, 0]
                    v += right[y, x - 1] * moved[y, x - 1, 1]
                i11, i12, i22 = inverse[y, x, 0], inverse[y, x, 1], inverse[y, x, 2]
                moved[y, x, 0] = kept * moved[y, x, 0] + i11 * u + i12 * v
                moved[y, x, 1] = kept * moved[y, x, 1] + i12 * u + i22 * v
    return moved - flow
