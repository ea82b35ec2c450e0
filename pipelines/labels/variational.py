"""Variational refinement of a flow that is roughly right, to a few hundredths of a pixel.

From a start that is wrong by some pixels, frame 2 is warped back again and again, and each time the flow is
corrected by the minimiser of

    sum over pixels  w (r + g . d)^2 / noise^2 + stiffness(|D(f + d)|) |D(f + d)|^2 + trust |f + d - start|^2

with the residual r over the colour channels and its gradient g summed over a small neighbourhood (Bruhn et
al.), robust weights w of the residual, and lagged weights of the smoothness that let the flow jump where it
wants to: between parting lips, at the outline of the face. D is the gradient of what a Gaussian leaves of the
flow, not of the flow itself: a plain gradient pulls strong deformations back, however well the pictures show
them. Frame 2 gets frame 1's local mean and contrast first, so that light may change.

References:
    Bruhn, Weickert, Schnörr, "Lucas/Kanade meets Horn/Schunck", IJCV 61(3), 2005.
    doi:10.1023/B:VISI.0000045324.43199.43
    Brox et al., "High accuracy optical flow estimation based on a theory for warping", ECCV 2004.
"""

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from pipelines.errors import InputError
from pipelines.image.bicubic import warp_back_bicubic
from pipelines.labels.variational_solver import solve_correction

_LEAST_SIZE = 16
_SUBSAMPLING = 2  # the correction is solved for on every second pixel: flow is smoother than pictures
_STATISTICS_SCALE = 4  # local means and contrasts are taken from pictures this much smaller
_CONTRAST_FLOOR = 20.0  # of grey levels squared: flat regions are not stretched to noise


@dataclass(frozen=True)
class VariationalConfig:
    """What a refinement weighs. Grey levels are of 255; lengths are pixels of the picture.

    Attributes:
        warps: corrections at each scale, half size first.
        sweeps: of the solver for each correction.
        stiffness: weight of the smoothness against a residual of one noise deviation.
        jump: change of flow from pixel to pixel, in pixels, above which smoothness gives way.
        detail: standard deviation of the Gaussian whose rest is kept smooth.
        window: standard deviation of the neighbourhood that the residual is summed over.
        light: standard deviation of the neighbourhood whose mean and contrast are made equal.
        denoise: standard deviation of the blur that both frames get.
        noise_floor: least variance of the residual, of grey levels squared.
        outlier: squared residuals above this many times the variance count less and less.
        trust: weight of the start, where nothing else says more.
    """

    warps: tuple[int, int] = (4, 3)
    sweeps: int = 10
    stiffness: float = 120.0
    jump: float = 0.03
    detail: float = 6.0
    window: float = 1.5
    light: float = 16.0
    denoise: float = 0.4
    noise_floor: float = 2.0
    outlier: float = 16.0
    trust: float = 0.02


def refine_flow(
    frame1: np.ndarray,
    frame2: np.ndarray,
    start: np.ndarray,
    config: VariationalConfig | None = None,
) -> np.ndarray:
    """Correct a flow by what the pictures show.

    Args:
        frame1: uint8 [H, W, 3], RGB, at least 16 pixels on each side.
        frame2: uint8 [H, W, 3], RGB.
        start: float32 [H, W, 2], pixels; not wrong by more than about five.
        config: of the refinement.

    Returns:
        float32 [H, W, 2], pixels.

    Raises:
        InputError: for smaller frames.
    """
    if min(frame1.shape[:2]) < _LEAST_SIZE:
        raise InputError(f"frames of {frame1.shape[:2]} pixels are too small to match them")
    config = config or VariationalConfig()
    pictures = [gaussian(frame.astype(np.float32), config.denoise) for frame in (frame1, frame2)]
    height, width = start.shape[:2]
    small = [resized(array, (height // 2, width // 2)) for array in (*pictures, start)]
    flow = start
    if config.warps[0]:
        half = small[2] / 2
        flow = _refine_at(*small[:2], half, half, config, 2.0, config.warps[0])
        flow = resized(flow, (height, width)) * 2
    return _refine_at(*pictures, flow, start, config, 1.0, config.warps[1])


def _refine_at(picture1, picture2, flow, start, config, scale, warps):
    """Correct `flow` `warps` times, on pictures `scale` times smaller than `config` has its lengths for."""
    # At the small scale the small picture's own pixels are solved for.
    step = max(1, int(_SUBSAMPLING / scale))
    height, width = flow.shape[:2]
    coarse = height // step, width // step
    light1 = _light(picture1, config.light / scale)
    start = resized(start, coarse)
    jump = config.jump * step
    for _ in range(warps):
        tensor = _linearised(picture1, light1, picture2, flow, config, scale)
        tensor = gaussian(resized(tensor, coarse), config.window / step)
        rough = resized(flow, coarse)
        smooth = gaussian(rough, config.detail / (scale * step))
        correction = solve_correction(
            tensor,
            rough - smooth,
            start - smooth,
            np.float32(config.trust),
            np.float32(config.stiffness / step**2),
            np.float32(jump**2),
            config.sweeps,
        )
        flow = flow + resized(correction, (height, width))
    return flow


def data_term(
    frame1: np.ndarray, frame2: np.ndarray, flow: np.ndarray, config: VariationalConfig | None = None
) -> np.ndarray:
    """What two pictures say about the error of a flow.

    Args:
        frame1: uint8 or float32 [H, W, 3], RGB, of 255.
        frame2: uint8 or float32 [H, W, 3].
        flow: float32 [H, W, 2], pixels.
        config: how residuals are weighed.

    Returns:
        float32 [H, W, 5]: per pixel, the products xx, xy, yy, xr, yr of the gradient and the residual,
        divided by the residual's robust variance. The correction that the pictures ask for solves
        [[xx, xy], [xy, yy]] d = -[xr, yr], each summed over a neighbourhood.
    """
    config = config or VariationalConfig()
    pictures = [gaussian(frame.astype(np.float32), config.denoise) for frame in (frame1, frame2)]
    return _linearised(pictures[0], _light(pictures[0], config.light), pictures[1], flow, config, 1.0)


def _linearised(picture1, light1, picture2, flow, config, scale):
    warped = _match_light(warp_back_bicubic(picture2, flow), light1, config.light / scale)
    squared = _squared_residual(picture1, warped)
    noise = np.float32(np.median(squared[::3, ::3]) + config.noise_floor)
    weights = 1 / (noise + gaussian(squared, 1.0) / np.float32(config.outlier))
    return _motion_tensor(picture1, warped, weights, flow)


def gaussian(array: np.ndarray, sigma: float) -> np.ndarray:
    """Blur float32 [H, W] or [H, W, C]; the border is mirrored."""
    return cv2.GaussianBlur(array, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)


def resized(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize float32 [H, W] or [H, W, C] to (height, width), averaging where it shrinks."""
    if array.shape[:2] == shape:
        return array
    if array.ndim == 3 and array.shape[2] > 4:  # more channels than OpenCV resizes to any size
        return np.dstack([resized(array[..., :4], shape), resized(array[..., 4:], shape)])
    shrinks = shape[0] < array.shape[0]
    return cv2.resize(array, shape[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _light(picture: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the local mean [h, w, 3] and the local deviation [h, w, 1] of a picture made smaller."""
    height, width = picture.shape[:2]
    small = resized(picture, (max(1, height // _STATISTICS_SCALE), max(1, width // _STATISTICS_SCALE)))
    sigma /= _STATISTICS_SCALE
    mean = gaussian(small, sigma)
    grey, grey_mean = cv2.transform(small, _GREY), cv2.transform(mean, _GREY)
    variance = gaussian(grey * grey, sigma) - grey_mean * grey_mean
    return mean, np.sqrt(np.maximum(variance, 0) + np.float32(_CONTRAST_FLOOR))[..., None]


_GREY = np.full((1, 3), 1 / 3, np.float32)


def _match_light(picture: np.ndarray, light1: tuple[np.ndarray, np.ndarray], sigma: float) -> np.ndarray:
    """Give a picture the local mean and contrast of another."""
    mean, deviation = _light(picture, sigma)
    gain = np.clip(light1[1] / deviation, 0.5, 2)
    shape = picture.shape[:2]
    gain, offset = resized(gain[..., 0], shape), resized(light1[0] - gain * mean, shape)
    return picture * gain[..., None] + offset


@numba.njit(cache=True, nogil=True, fastmath=True)
def _squared_residual(picture1, picture2):
    """Mean over the channels, float32 [H, W]."""
    height, width, channels = picture1.shape
    squared = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            total = np.float32(0)
            for c in range(channels):
                difference = picture2[y, x, c] - picture1[y, x, c]
                total += difference * difference
            squared[y, x] = total / np.float32(channels)
    return squared


@numba.njit(cache=True, nogil=True, fastmath=True)
def _motion_tensor(picture1, picture2, weights, flow):
    """Products of the gradient and the residual: xx, xy, yy, xr, yr; float32 [H, W, 5].

    The gradient is that of the mean of both pictures, which makes one correction exact to the second order.
    Pixels that leave frame 2 and the outermost two count nothing.
    """
    height, width, channels = picture1.shape
    tensor = np.zeros((height, width, 5), np.float32)
    both = picture1 + picture2
    near, far = np.float32(8 / 24), np.float32(1 / 24)
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            there_x, there_y = x + flow[y, x, 0], y + flow[y, x, 1]
            if there_x < 0 or there_x > width - 1 or there_y < 0 or there_y > height - 1:
                continue
            xx = xy = yy = xr = yr = np.float32(0)
            for c in range(channels):
                residual = picture2[y, x, c] - picture1[y, x, c]
                gx = near * (both[y, x + 1, c] - both[y, x - 1, c])
                gx -= far * (both[y, x + 2, c] - both[y, x - 2, c])
                gy = near * (both[y + 1, x, c] - both[y - 1, x, c])
                gy -= far * (both[y + 2, x, c] - both[y - 2, x, c])
                xx += gx * gx
                xy += gx * gy
                yy += gy * gy
                xr += gx * residual
                yr += gy * residual
            weight = weights[y, x]
            tensor[y, x, 0] = weight * xx
            tensor[y, x, 1] = weight * xy
            tensor[y, x, 2] = weight * yy
            tensor[y, x, 3] = weight * xr
            tensor[y, x, 4] = weight * yr
    return tensor
