"""Variational refinement of an initial flow with errors of a few pixels.

Frame 2 is warped back by the current flow f several times. After each warp the flow is corrected by the d
that minimises

    sum over pixels  w (r + g . d)^2 / noise^2 + smoothness(|D(f + d)|) |D(f + d)|^2
                     + prior_weight |f + d - initial_flow|^2

where r is the residual between frame 1 and the warped frame 2 and g the image gradient, with the data term
summed over the colour channels and over a small window (Bruhn et al.), and w is a robust weight of the
residual. The smoothness weight falls with the magnitude of the flow gradient, so that the flow may be
discontinuous between parting lips and at the outline of the face; it is lagged (taken from the last
iteration). D is the gradient of the high-pass filtered flow, the flow less its Gaussian blur: a penalty on
the plain gradient would shrink strong deformations. Frame 2 is first given the local mean and contrast of
frame 1, which makes the data term robust to changes of illumination.

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

_MIN_SIZE = 16  # pixels
_SUBSAMPLING = 2  # the correction is solved on every second pixel: flow is smoother than images
_STATISTICS_SCALE = 4  # local means and contrasts are computed on images smaller by this factor
_CONTRAST_FLOOR = 20.0  # grey levels squared; keeps noise in flat regions from being amplified


@dataclass(frozen=True)
class VariationalConfig:
    """Settings of the refinement. Grey levels run from 0 to 255; lengths are in pixels.

    Attributes:
        num_warps: Number of warps at half size and at full size.
        num_iterations: Number of solver iterations after each warp.
        smoothness: Weight of the smoothness term, relative to a residual of one noise standard deviation.
        discontinuity: Difference of flow between neighbouring pixels, in pixels, above which the smoothness
            weight falls.
        detail_sigma: Standard deviation of the Gaussian in the high-pass filter of the smoothness term.
        window_sigma: Standard deviation of the window over which the data term is summed.
        illumination_sigma: Standard deviation of the window in which local mean and contrast are matched.
        presmoothing_sigma: Standard deviation of the blur applied to both frames.
        min_variance: Minimum variance of the residual, grey levels squared.
        outlier_ratio: Squared residual, relative to the variance, above which a residual is down-weighted.
        prior_weight: Weight of the initial flow.
    """

    num_warps: tuple[int, int] = (4, 3)
    num_iterations: int = 10
    smoothness: float = 120.0
    discontinuity: float = 0.03
    detail_sigma: float = 6.0
    window_sigma: float = 1.5
    illumination_sigma: float = 16.0
    presmoothing_sigma: float = 0.4
    min_variance: float = 2.0
    outlier_ratio: float = 16.0
    prior_weight: float = 0.02


def refine_flow(
    frame1: np.ndarray,
    frame2: np.ndarray,
    initial_flow: np.ndarray,
    config: VariationalConfig | None = None,
) -> np.ndarray:
    """Refine a flow on the images.

    Args:
        frame1: First frame, uint8 [H, W, 3], RGB, at least 16 pixels on each side.
        frame2: Second frame, uint8 [H, W, 3], RGB.
        initial_flow: Flow to refine, float32 [H, W, 2], pixels; with errors of at most about 5 pixels.
        config: Settings of the refinement; defaults if None.

    Returns:
        Refined flow, float32 [H, W, 2], pixels.

    Raises:
        InputError: if the frames are smaller than 16 pixels.

    Examples:
        >>> import skimage.data
        >>> frame1 = np.ascontiguousarray(skimage.data.astronaut()[:128, 160:288])
        >>> frame2 = np.roll(frame1, 1, axis=1)  # 1 pixel to the right
        >>> flow = refine_flow(frame1, frame2, np.zeros((128, 128, 2), np.float32))
        >>> np.median(flow, axis=(0, 1)).round(1) + 0.0
        array([1., 0.], dtype=float32)
    """
    if min(frame1.shape[:2]) < _MIN_SIZE:
        height, width = frame1.shape[:2]
        raise InputError(f"frames of {width}x{height} pixels are too small; the minimum is {_MIN_SIZE}")
    config = config or VariationalConfig()
    images = [
        gaussian_blur(frame.astype(np.float32), config.presmoothing_sigma) for frame in (frame1, frame2)
    ]
    height, width = initial_flow.shape[:2]
    half1, half2, half_flow = (resize(array, (height // 2, width // 2)) for array in (*images, initial_flow))
    flow = initial_flow
    if config.num_warps[0]:
        half_flow = half_flow / 2
        flow = _refine_at_scale(half1, half2, half_flow, half_flow, config, 2.0, config.num_warps[0])
        flow = resize(flow, (height, width)) * 2
    return _refine_at_scale(*images, flow, initial_flow, config, 1.0, config.num_warps[1])


def _refine_at_scale(image1, image2, flow, initial_flow, config, scale, num_warps):
    """Correct `flow` `num_warps` times, on images smaller than the frames by the factor `scale`."""
    # The half-size images are solved at their full resolution.
    step = max(1, int(_SUBSAMPLING / scale))
    height, width = flow.shape[:2]
    coarse = height // step, width // step
    statistics1 = _local_statistics(image1, config.illumination_sigma / scale)
    initial_flow = resize(initial_flow, coarse)
    discontinuity = config.discontinuity * step
    for _ in range(num_warps):
        tensor = _linearise(image1, statistics1, image2, flow, config, scale)
        tensor = gaussian_blur(resize(tensor, coarse), config.window_sigma / step)
        coarse_flow = resize(flow, coarse)
        low_pass = gaussian_blur(coarse_flow, config.detail_sigma / (scale * step))
        correction = solve_correction(
            tensor,
            coarse_flow - low_pass,
            initial_flow - low_pass,
            np.float32(config.prior_weight),
            np.float32(config.smoothness / step**2),
            np.float32(discontinuity**2),
            config.num_iterations,
        )
        flow = flow + resize(correction, (height, width))
    return flow


def motion_tensor(
    frame1: np.ndarray, frame2: np.ndarray, flow: np.ndarray, config: VariationalConfig | None = None
) -> np.ndarray:
    """Compute the motion tensor: the linearised data term at a flow (Bruhn et al., section 2).

    Args:
        frame1: First frame, uint8 or float32 [H, W, 3], RGB, 0-255.
        frame2: Second frame, likewise.
        flow: Flow to linearise at, float32 [H, W, 2], pixels.
        config: Settings of the refinement, of which those of the data term are used; defaults if None.

    Returns:
        Products xx, xy, yy, xr, yr of image gradient (x, y) and residual r at each pixel, divided by the
        robust variance of the residual; float32 [H, W, 5]. Summed over a window, they give the correction d
        of the flow by [[xx, xy], [xy, yy]] d = -[xr, yr].
    """
    config = config or VariationalConfig()
    image1, image2 = (
        gaussian_blur(frame.astype(np.float32), config.presmoothing_sigma) for frame in (frame1, frame2)
    )
    statistics1 = _local_statistics(image1, config.illumination_sigma)
    return _linearise(image1, statistics1, image2, flow, config, 1.0)


def _linearise(image1, statistics1, image2, flow, config, scale):
    warped = warp_back_bicubic(image2, flow)
    warped = _match_illumination(warped, statistics1, config.illumination_sigma / scale)
    squared = _squared_residual(image1, warped)
    variance = np.float32(np.median(squared[::3, ::3]) + config.min_variance)
    weights = 1 / (variance + gaussian_blur(squared, 1.0) / np.float32(config.outlier_ratio))
    return _motion_tensor(image1, warped, weights, flow)


def gaussian_blur(array: np.ndarray, sigma: float) -> np.ndarray:
    """Blur an array, float32 [H, W] or [H, W, C], by a Gaussian; the border is mirrored."""
    return cv2.GaussianBlur(array, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)


def resize(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize an array, float32 [H, W] or [H, W, C], to (height, width): area averages down, bicubic up."""
    if array.shape[:2] == shape:
        return array
    if array.ndim == 3 and array.shape[2] > 4:  # OpenCV resizes at most 4 channels by area
        return np.dstack([resize(array[..., :4], shape), resize(array[..., 4:], shape)])
    shrinks = shape[0] < array.shape[0]
    return cv2.resize(array, shape[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _local_statistics(image: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the local mean [h, w, 3] and standard deviation [h, w, 1] of an image, at a smaller size."""
    height, width = image.shape[:2]
    small = resize(image, (max(1, height // _STATISTICS_SCALE), max(1, width // _STATISTICS_SCALE)))
    sigma /= _STATISTICS_SCALE
    mean = gaussian_blur(small, sigma)
    grey, grey_mean = cv2.transform(small, _GREY), cv2.transform(mean, _GREY)
    variance = gaussian_blur(grey * grey, sigma) - grey_mean * grey_mean
    return mean, np.sqrt(np.maximum(variance, 0) + np.float32(_CONTRAST_FLOOR))[..., None]


_GREY = np.full((1, 3), 1 / 3, np.float32)


def _match_illumination(
    image: np.ndarray, statistics1: tuple[np.ndarray, np.ndarray], sigma: float
) -> np.ndarray:
    """Give an image the local mean and contrast of frame 1."""
    mean, deviation = _local_statistics(image, sigma)
    gain = np.clip(statistics1[1] / deviation, 0.5, 2)
    shape = image.shape[:2]
    gain, offset = resize(gain[..., 0], shape), resize(statistics1[0] - gain * mean, shape)
    return image * gain[..., None] + offset


@numba.njit(cache=True, nogil=True, fastmath=True)
def _squared_residual(image1, image2):
    """Mean of the squared difference over the channels, float32 [H, W]."""
    height, width, channels = image1.shape
    squared = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            total = np.float32(0)
            for c in range(channels):
                difference = image2[y, x, c] - image1[y, x, c]
                total += difference * difference
            squared[y, x] = total / np.float32(channels)
    return squared


@numba.njit(cache=True, nogil=True, fastmath=True)
def _motion_tensor(image1, image2, weights, flow):
    """Products of gradient and residual: xx, xy, yy, xr, yr; float32 [H, W, 5].

    The gradient is that of the mean of both images, which makes a correction exact to second order. The
    tensor is 0 within 2 pixels of the border and where the flow leaves frame 2.
    """
    height, width, channels = image1.shape
    tensor = np.zeros((height, width, 5), np.float32)
    both = image1 + image2
    near, far = np.float32(8 / 24), np.float32(1 / 24)
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            end_x, end_y = x + flow[y, x, 0], y + flow[y, x, 1]
            if end_x < 0 or end_x > width - 1 or end_y < 0 or end_y > height - 1:
                continue
            xx = xy = yy = xr = yr = np.float32(0)
            for c in range(channels):
                residual = image2[y, x, c] - image1[y, x, c]
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
