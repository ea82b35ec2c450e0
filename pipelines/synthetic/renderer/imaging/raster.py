"""Z-buffer rasteriser with perspective-correct barycentric coordinates.

The barycentric coordinates of a sample identify a point of the surface, so the same coordinates give the
position of that point after any motion.
"""

from typing import NamedTuple

import numba
import numpy as np

NOTHING = -1
_MARGIN = 1e-9  # tolerance, so that no sample on an edge between two triangles is missed


class Fragments(NamedTuple):
    """Visible surface at each sample.

    Attributes:
        triangle: Index of the visible triangle, int32 [H, W]; `NOTHING` for the background.
        weights: Barycentric coordinates of the first and second vertex, float32 [H, W, 2]; undefined for the
            background.
        inverse_depth: 1 / z, float32 [H, W], 1/cm; 0 for the background.
    """

    triangle: np.ndarray
    weights: np.ndarray
    inverse_depth: np.ndarray


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _cut(low, high, value, step, inverse):
    """Clip the interval from low to high to where a linear function is not negative (with a tolerance)."""
    if step > 0:
        return max(low, (-_MARGIN - value) * inverse), high
    if step < 0:
        return low, min(high, (-_MARGIN - value) * inverse)
    return (low, high) if value >= -_MARGIN else (1.0, 0.0)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _rasterise(points, depths, triangles, sheer, cover, strands, height, width):
    seen = np.full((height, width), NOTHING, np.int32)
    weights = np.empty((height, width, 2), np.float32)
    nearest = np.zeros((height, width), np.float32)  # 1 / z
    near = 1 / depths
    n = strands.shape[0]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if depths[a] <= 0 or depths[b] <= 0 or depths[c] <= 0:
            continue
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 1e-12:  # seen from behind
            continue
        first_row = max(0, int(np.ceil(min(ay, by, cy))))
        last_row = min(height - 1, int(np.floor(max(ay, by, cy))))
        first_column = max(0, int(np.ceil(min(ax, bx, cx))))
        last_column = min(width - 1, int(np.floor(max(ax, bx, cx))))
        if first_row > last_row or first_column > last_column:
            continue
        za, zb, zc = near[a], near[b], near[c]
        share = 1 / area
        u_step, v_step = (by - cy) * share, (cy - ay) * share
        w_step = -u_step - v_step
        u_inverse, v_inverse, w_inverse = 1 / u_step, 1 / v_step, 1 / w_step
        for y in range(first_row, last_row + 1):
            u_row = (bx * (cy - y) - (by - y) * cx) * share
            v_row = (cx * (ay - y) - (cy - y) * ax) * share
            w_row = 1 - u_row - v_row
            # Part of the row inside all three edges.
            low, high = float(first_column), float(last_column)
            low, high = _cut(low, high, u_row, u_step, u_inverse)
            low, high = _cut(low, high, v_row, v_step, v_inverse)
            low, high = _cut(low, high, w_row, w_step, w_inverse)
            for x in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                u = u_row + x * u_step
                v = v_row + x * v_step
                w = 1 - u - v
                z = np.float32(u * za + v * zb + w * zc)
                if z <= nearest[y, x]:
                    continue
                if sheer[t]:
                    wu, wv = u * za / z, v * zb / z
                    ww = 1 - wu - wv
                    hair = wu * cover[a, 0] + wv * cover[b, 0] + ww * cover[c, 0]
                    across = wu * cover[a, 1] + wv * cover[b, 1] + ww * cover[c, 1]
                    along = wu * cover[a, 2] + wv * cover[b, 2] + ww * cover[c, 2]
                    if (
                        hair
                        < strands[int(np.floor(along * n)) & (n - 1), int(np.floor(across * n)) & (n - 1)]
                    ):
                        continue
                nearest[y, x] = z
                seen[y, x] = t
                weights[y, x, 0] = u
                weights[y, x, 1] = v
    for y in range(height):
        for x in range(width):
            t = seen[y, x]
            if t >= 0:
                z = 1 / nearest[y, x]
                weights[y, x, 0] *= z * near[triangles[t, 0]]
                weights[y, x, 1] *= z * near[triangles[t, 1]]
    return seen, weights, nearest


def rasterise(
    points: np.ndarray,
    depths: np.ndarray,
    triangles: np.ndarray,
    sheer: np.ndarray,
    cover: np.ndarray,
    strands: np.ndarray,
    shape: tuple[int, int],
    samples: int = 1,
) -> Fragments:
    """Rasterise triangles.

    Args:
        points: Projected vertices, float64 [V, 2], (x, y) in pixels.
        depths: Depth z of the vertices, float64 [V], cm; triangles that reach behind the camera are skipped.
        triangles: Vertex indices, int32 [T, 3]; triangles with a positive area in the image face the camera.
        sheer: Triangles with gaps between strands of hair, bool [T].
        cover: Density of the hair and its texture coordinates, float32 [V, 3]; used where `sheer`.
        strands: Periodic texture of the density above which a strand is visible, float32 [N, N]; N is a power
            of two.
        shape: (height, width) of the image in pixels.
        samples: Number of samples per pixel along each axis; 1 samples the pixel centres.

    Returns:
        Fragments on a grid of `samples` times the shape.
    """
    start = (1 / samples - 1) / 2
    height, width = shape[0] * samples, shape[1] * samples
    grid = (points - start) * samples
    return Fragments(*_rasterise(grid, depths, triangles, sheer, cover, strands, height, width))
