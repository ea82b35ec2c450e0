"""Successive over-relaxation (SOR) for the linear system of a variational flow correction.

The smoothness weights are lagged: they are updated from the current solution every few iterations.

References:
    Young, "Iterative Solution of Large Linear Systems", Academic Press 1971.
    Brox et al., "High accuracy optical flow estimation based on a theory for warping", ECCV 2004.
"""

import numba
import numpy as np

_REWEIGHT_EVERY = 5  # iterations
_OVERRELAXATION = np.float32(1.9)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _smoothness_weights(flow, smoothness, squared_discontinuity, right, down):
    """Compute the weights of the edges to the right and lower neighbours in place; 0 at the border."""
    height, width = flow.shape[:2]
    one = np.float32(1)
    for y in range(height):
        for x in range(width):
            u, v = flow[y, x, 0], flow[y, x, 1]
            right[y, x] = down[y, x] = np.float32(0)
            if x < width - 1:
                du, dv = flow[y, x + 1, 0] - u, flow[y, x + 1, 1] - v
                right[y, x] = smoothness / np.sqrt(one + (du * du + dv * dv) / squared_discontinuity)
            if y < height - 1:
                du, dv = flow[y + 1, x, 0] - u, flow[y + 1, x, 1] - v
                down[y, x] = smoothness / np.sqrt(one + (du * du + dv * dv) / squared_discontinuity)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _invert_blocks(tensor, prior_weight, right, down, inverse):
    """Compute in place the inverse of each pixel's 2x2 block (11, 12, 22), times the over-relaxation."""
    height, width = right.shape
    for y in range(height):
        for x in range(width):
            total = prior_weight + right[y, x] + down[y, x]
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
def solve_correction(
    tensor, flow, initial_flow, prior_weight, smoothness, squared_discontinuity, num_iterations
):
    """Solve for the correction of a flow.

    Args:
        tensor: Motion tensor, float32 [h, w, 5]: products xx, xy, yy, xr, yr of gradient and residual.
        flow: High-pass filtered flow that the data term is linearised at, float32 [h, w, 2], pixels.
        initial_flow: Flow that the prior term draws flow + correction to, float32 [h, w, 2].
        prior_weight: Weight of the prior term, float32; greater than 0, so that textureless regions have a
            solution.
        smoothness: Weight of the smoothness term, float32.
        squared_discontinuity: Squared difference of flow between neighbours above which the smoothness weight
            falls, float32.
        num_iterations: Number of SOR iterations.

    Returns:
        Correction, float32 [h, w, 2], pixels.
    """
    height, width = flow.shape[:2]
    right, down = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    inverse, constant = np.empty((height, width, 3), np.float32), np.empty((height, width, 2), np.float32)
    for y in range(height):
        for x in range(width):
            # Right-hand side; the data term is linearised at `flow`, and the unknown is flow + correction.
            xx, xy, yy = tensor[y, x, 0], tensor[y, x, 1], tensor[y, x, 2]
            u, v = flow[y, x, 0], flow[y, x, 1]
            constant[y, x, 0] = prior_weight * initial_flow[y, x, 0] + xx * u + xy * v - tensor[y, x, 3]
            constant[y, x, 1] = prior_weight * initial_flow[y, x, 1] + xy * u + yy * v - tensor[y, x, 4]
    retained = np.float32(1) - _OVERRELAXATION
    solution = flow.copy()
    for iteration in range(num_iterations):
        if iteration % _REWEIGHT_EVERY == 0:
            _smoothness_weights(solution, smoothness, squared_discontinuity, right, down)
            _invert_blocks(tensor, prior_weight, right, down, inverse)
        for y in range(height):
            for x in range(width):
                u, v = constant[y, x, 0], constant[y, x, 1]
                # The left neighbour comes last, because its value is computed just before this one.
                if x < width - 1:
                    u += right[y, x] * solution[y, x + 1, 0]
                    v += right[y, x] * solution[y, x + 1, 1]
                if y > 0:
                    u += down[y - 1, x] * solution[y - 1, x, 0]
                    v += down[y - 1, x] * solution[y - 1, x, 1]
                if y < height - 1:
                    u += down[y, x] * solution[y + 1, x, 0]
                    v += down[y, x] * solution[y + 1, x, 1]
                if x > 0:
                    u += right[y, x - 1] * solution[y, x - 1, 0]
                    v += right[y, x - 1] * solution[y, x - 1, 1]
                i11, i12, i22 = inverse[y, x, 0], inverse[y, x, 1], inverse[y, x, 2]
                solution[y, x, 0] = retained * solution[y, x, 0] + i11 * u + i12 * v
                solution[y, x, 1] = retained * solution[y, x, 1] + i12 * u + i22 * v
    return solution - flow
