"""Exact motion of what each pixel shows.

The rasteriser says which point of which triangle is seen at a pixel's centre of frame 1. The same point is
found again with frame 2's vertices; the flow is the difference of its two projections.
"""

from typing import NamedTuple

import numba
import numpy as np

from pipelines.faces.camera import Camera
from pipelines.faces.raster import Hits

_TOLERANCE_SAME = (
    0.4  # cm by which a neighbouring sample of the same part may lie nearer without hiding a point
)
_TOLERANCE_OTHER = 0.03  # and one of another part: a lid is thin


class Truth(NamedTuple):
    """Motion on frame 1's grid.

    Attributes:
        flow: float32 [H, W, 2], pixels; `head` the part that rigid motion and the camera make.
        occluded: bool [H, W], hidden or out of the picture in frame 2.
    """

    flow: np.ndarray
    head: np.ndarray
    occluded: np.ndarray


@numba.njit(nogil=True, cache=True)
def _surface_motion(seen, weights, triangles, first, second, rigid, cameras, ground, flow, head, target):
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            t = seen[y, x]
            if t < 0:
                dx = ground[0, 0] * x + ground[0, 1] * y + ground[0, 2]
                dy = ground[1, 0] * x + ground[1, 1] * y + ground[1, 2]
                flow[y, x, 0] = dx
                flow[y, x, 1] = dy
                head[y, x, 0] = dx
                head[y, x, 1] = dy
                target[y, x, 0] = x + dx
                target[y, x, 1] = y + dy
                target[y, x, 2] = np.inf
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            wa, wb = weights[y, x, 0], weights[y, x, 1]
            wc = 1 - wa - wb
            z0 = wa * first[a, 2] + wb * first[b, 2] + wc * first[c, 2]
            z1 = wa * second[a, 2] + wb * second[b, 2] + wc * second[c, 2]
            zh = wa * rigid[a, 2] + wb * rigid[b, 2] + wc * rigid[c, 2]
            for k in range(2):
                p0 = (
                    cameras[0, 0] * (wa * first[a, k] + wb * first[b, k] + wc * first[c, k]) / z0
                    + cameras[0, 1 + k]
                )
                p1 = (
                    cameras[1, 0] * (wa * second[a, k] + wb * second[b, k] + wc * second[c, k]) / z1
                    + cameras[1, 1 + k]
                )
                ph = (
                    cameras[1, 0] * (wa * rigid[a, k] + wb * rigid[b, k] + wc * rigid[c, k]) / zh
                    + cameras[1, 1 + k]
                )
                flow[y, x, k] = p1 - p0
                head[y, x, k] = ph - p0
                target[y, x, k] = p1
            target[y, x, 2] = z1


@numba.njit(nogil=True, cache=True)
def _hidden(seen, part, target, seen2, depth2, samples, same, other, out):
    height, width = seen.shape
    for y in range(height):
        for x in range(width):
            px, py, z = target[y, x, 0], target[y, x, 1], target[y, x, 2]
            if px < -0.5 or py < -0.5 or px > width - 0.5 or py > height - 0.5:
                out[y, x] = True
                continue
            # Position on frame 2's finer grid, whose first sample lies (1 / samples - 1) / 2 from pixel 0.
            gx, gy = (px + 0.5) * samples - 0.5, (py + 0.5) * samples - 0.5
            i, j = int(np.floor(gx)), int(np.floor(gy))
            nearer, counted = 0, 0
            own = -1 if seen[y, x] < 0 else part[seen[y, x]]
            for dj in range(2):
                for di in range(2):
                    u, v = i + di, j + dj
                    if u < 0 or v < 0 or u >= width * samples or v >= height * samples:
                        continue
                    counted += 1
                    there = -1 if seen2[v, u] < 0 else part[seen2[v, u]]
                    if depth2[v, u] < z - (same if there == own else other):
                        nearer += 1
            out[y, x] = nearer * 4 >= counted * 3


def motion(
    hits: Hits,
    triangles: np.ndarray,
    part: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    rigid: np.ndarray,
    cameras: tuple[Camera, Camera],
    ground: np.ndarray,
    hits2: Hits,
    samples: int,
) -> Truth:
    """Compute the truth.

    Args:
        hits: frame 1 at pixel centres.
        triangles: int32 [T, 3]; `part` uint8 [T] tells what each belongs to.
        first: float64 [V, 3], vertices of frame 1 before the camera; `second` of frame 2; `rigid` of frame 1's
            expression in frame 2's pose.
        cameras: of frame 1 and 2.
        ground: float64 [2, 3], the background's displacement as an affine function of (x, y, 1).
        hits2: frame 2, with `samples` per pixel along each axis.
        samples: see there.
    """
    shape = hits.triangle.shape
    flow, head = np.empty((*shape, 2), np.float32), np.empty((*shape, 2), np.float32)
    target, occluded = np.empty((*shape, 3)), np.zeros(shape, bool)
    lens = np.array([(camera.focal, *camera.centre) for camera in cameras])
    _surface_motion(
        hits.triangle, hits.weights, triangles, first, second, rigid, lens, ground, flow, head, target
    )
    _hidden(
        hits.triangle,
        part,
        target,
        hits2.triangle,
        hits2.depth,
        samples,
        _TOLERANCE_SAME,
        _TOLERANCE_OTHER,
        occluded,
    )
    return Truth(flow, head, occluded)
