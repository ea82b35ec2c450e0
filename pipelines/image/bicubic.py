"""Bicubic sampling at exact positions.

`cv2.remap` rounds positions to 1/32 px. That rounding is part of the error where flow is estimated to a few
hundredths of a pixel, or where a label must be exact by construction.

References:
    Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29(6), 1981,
    with a = -1/2. doi:10.1109/TASSP.1981.1163711
"""

import numba
import numpy as np

from pipelines.image.warping import pixel_grid


def sample_bicubic(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Interpolate an image between its pixels; outside of it, the value of the border is repeated.

    Args:
        image: float32 [H, W, C], or [H, W].
        points: float32 [h, w, 2], (x, y) in pixels of `image`.

    Returns:
        float32 [h, w, C], or [h, w]. Exact for quadratic images, and not clipped: beside an edge it may
        overshoot the range of the image.
    """
    channels = np.ascontiguousarray(image, np.float32).reshape(*image.shape[:2], -1)
    sampled = _sample(channels, np.ascontiguousarray(points, np.float32))
    return sampled.reshape(*points.shape[:2], *image.shape[2:])


def warp_back_bicubic(frame2: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Warp frame 2 back to frame 1's grid: the result at p is frame 2 at p + flow(p).

    Args:
        frame2: float32 [H, W, C], or [H, W].
        flow: float32 [H, W, 2], frame 1 -> frame 2, pixels.
    """
    return sample_bicubic(frame2, pixel_grid(flow.shape[:2]) + flow)


@numba.njit(inline="always")
def keys_weights(t, weights):
    """Fill in the weights of the four samples at -1, 0, 1, 2 for a position 0 <= t < 1."""
    weights[0] = ((-0.5 * t + 1) * t - 0.5) * t
    weights[1] = (1.5 * t - 2.5) * t * t + 1
    weights[2] = ((-1.5 * t + 2) * t + 0.5) * t
    weights[3] = (0.5 * t - 0.5) * t * t


@numba.njit(cache=True, nogil=True, fastmath=True)
def _sample(image, points):
    height, width, channels = image.shape
    sampled = np.empty((points.shape[0], points.shape[1], channels), np.float32)
    across, down = np.empty(4, np.float32), np.empty(4, np.float32)
    for i in range(points.shape[0]):
        for j in range(points.shape[1]):
            px = min(max(points[i, j, 0], np.float32(0)), np.float32(width - 1))
            py = min(max(points[i, j, 1], np.float32(0)), np.float32(height - 1))
            x, y = int(px), int(py)
            keys_weights(px - np.float32(x), across)
            keys_weights(py - np.float32(y), down)
            inside = x >= 1 and x < width - 2 and y >= 1 and y < height - 2
            for c in range(channels):
                value = np.float32(0)
                for k in range(4):
                    row = np.float32(0)
                    for m in range(4):
                        if inside:
                            row += across[m] * image[y - 1 + k, x - 1 + m, c]
                        else:
                            yy = min(max(y - 1 + k, 0), height - 1)
                            xx = min(max(x - 1 + m, 0), width - 1)
                            row += across[m] * image[yy, xx, c]
                    value += down[k] * row
                sampled[i, j, c] = value
    return sampled
