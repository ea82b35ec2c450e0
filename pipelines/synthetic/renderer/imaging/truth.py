"""Ground-truth motion of rendered pixels.

The rasteriser gives the surface point at the centre of each pixel of frame 1. The same point is computed with
the vertices of frame 2; the flow is the difference of the two projections.
"""

from typing import NamedTuple

import numba
import numpy as np

from pipelines.synthetic.renderer.appearance.materials import Surface
from pipelines.synthetic.renderer.imaging.camera import Camera
from pipelines.synthetic.renderer.imaging.raster import Fragments

_TOLERANCE = 0.01  # cm; a surface must be closer by more than this to occlude a point


class GroundTruth(NamedTuple):
    """Ground truth on the grid of frame 1.

    Attributes:
        flow: Flow from frame 1 to frame 2, float32 [H, W, 2], pixels.
        head: Part of the flow from rigid motion, camera and background, float32 [H, W, 2], pixels.
        occluded: Pixels that are hidden or outside the image in frame 2, bool [H, W].
    """

    flow: np.ndarray
    head: np.ndarray
    occluded: np.ndarray


@numba.njit(nogil=True, cache=True, error_model="numpy")
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


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _covers(t, x, y, points, depths, triangles, sheer, cover, strands, nearer_than):
    """Return whether a triangle of frame 2 is closer than a depth at a point of the image."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    ax, ay, bx, by, cx, cy = (
        points[a, 0],
        points[a, 1],
        points[b, 0],
        points[b, 1],
        points[c, 0],
        points[c, 1],
    )
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
    w = 1 - u - v
    if u < 0 or v < 0 or w < 0:
        return False
    u, v, w = u / depths[a], v / depths[b], w / depths[c]
    z = 1 / (u + v + w)
    if z >= nearer_than:
        return False
    if sheer[t]:
        u, v, w = u * z, v * z, w * z
        n = strands.shape[0]
        across = int(np.floor((u * cover[a, 1] + v * cover[b, 1] + w * cover[c, 1]) * n)) % n
        along = int(np.floor((u * cover[a, 2] + v * cover[b, 2] + w * cover[c, 2]) * n)) % n
        return u * cover[a, 0] + v * cover[b, 0] + w * cover[c, 0] >= strands[along, across]
    return True


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _hidden(seen, target, seen2, samples, points, depths, triangles, sheer, cover, strands, out):
    height, width = seen.shape
    for y in range(height):
        for x in range(width):
            px, py, z = target[y, x, 0], target[y, x, 1], target[y, x, 2]
            if px < -0.5 or py < -0.5 or px > width - 0.5 or py > height - 0.5:
                out[y, x] = True
                continue
            # Position on the sample grid of frame 2, whose first sample is at (1 / samples - 1) / 2 pixels.
            i, j = int(np.floor((px + 0.5) * samples - 0.5)), int(np.floor((py + 0.5) * samples - 0.5))
            own = seen[y, x]
            # A surface that occludes the point is visible at one of the four samples around it.
            last = own
            for k in range(4):
                u = min(max(i + k % 2, 0), width * samples - 1)
                v = min(max(j + k // 2, 0), height * samples - 1)
                t = seen2[v, u]
                if t < 0 or t == own or t == last:  # noqa: SIM109 (a tuple costs time here)
                    continue
                last = t
                if _covers(t, px, py, points, depths, triangles, sheer, cover, strands, z - _TOLERANCE):
                    out[y, x] = True
                    break


def ground_truth_motion(
    fragments: Fragments,
    surface: Surface,
    strands: np.ndarray,
    shapes: tuple[np.ndarray, np.ndarray, np.ndarray],
    cameras: tuple[Camera, Camera],
    ground: np.ndarray,
    fragments2: Fragments,
    samples: int,
) -> GroundTruth:
    """Compute the ground-truth motion between two frames.

    Args:
        fragments: Frame 1, rasterised at pixel centres.
        surface: Mesh of the person.
        strands: Strand texture, see `raster.rasterise`.
        shapes: Vertices in camera coordinates, float64 [V, 3] each: frame 1, frame 2, and the expression of
            frame 1 in the pose of frame 2.
        cameras: Cameras of frame 1 and frame 2.
        ground: Displacement of the background as an affine function of (x, y, 1), float64 [2, 3], pixels.
        fragments2: Frame 2, rasterised with `samples` samples per pixel along each axis.
        samples: Number of samples per pixel along each axis of `fragments2`.

    Returns:
        Flow, head motion and occlusion on the grid of frame 1.
    """
    shape = fragments.triangle.shape
    flow, head = np.empty((*shape, 2), np.float32), np.empty((*shape, 2), np.float32)
    target, occluded = np.empty((*shape, 3)), np.zeros(shape, bool)
    lens = np.array([(camera.focal, *camera.centre) for camera in cameras])
    _surface_motion(
        fragments.triangle, fragments.weights, surface.triangles, *shapes, lens, ground, flow, head, target
    )
    _hidden(
        fragments.triangle, target, fragments2.triangle, samples, cameras[1].project(shapes[1]),
        shapes[1][:, 2].copy(),
        surface.triangles, surface.sheer, surface.cover, strands, occluded,
    )  # fmt: skip
    return GroundTruth(flow, head, occluded)
