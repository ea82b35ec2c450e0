"""Confidence of a flow label, estimated from its two frames."""

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels.variational import gaussian_blur, motion_tensor, resize

#: Error in pixels at which the confidence falls to exp(-1/2).
TOLERANCE = 0.5
# Smaller eigenvalue of the motion tensor (squared gradient over noise variance, 1/px^2) at which the
# confidence is halved. Skin in a sharp image has tens.
_MIN_TEXTURE = 0.3
_WINDOW = 2.0  # standard deviation of the summation window, pixels of the half-size image


def photometric_confidence(
    frame1: np.ndarray, frame2: np.ndarray, flow: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Rate a flow by its remaining Lucas-Kanade correction and by the local texture.

    Let S be the motion tensor summed over a window, d = S^-1 b the correction of the flow that it gives, and
    s its smaller eigenvalue. The confidence is exp(-|d|^2 / (2 `TOLERANCE`^2)) s / (s + minimum texture): it
    is low where the frames contradict the flow, and where they have too little texture to contradict it.
    It is computed on frames of half the size.

    Args:
        frame1: First frame, uint8 [H, W, 3], RGB.
        frame2: Second frame, uint8 [H, W, 3], RGB.
        flow: Flow to rate, float32 [H, W, 2], pixels.
        valid: Where the flow is defined, bool [H, W].

    Returns:
        Confidence, float32 [H, W] in [0, 1]; 0 where not valid.
    """
    height, width = flow.shape[:2]
    half = max(1, height // 2), max(1, width // 2)
    smaller = [resize(frame, half).astype(np.float32) for frame in (frame1, frame2)]
    tensor = gaussian_blur(motion_tensor(*smaller, resize(flow, half) / 2), _WINDOW)
    xx, xy, yy, xr, yr = np.moveaxis(tensor, -1, 0)
    eigenvalue = (xx + yy) / 2 - np.sqrt(np.square(xx - yy) / 4 + xy * xy)
    # Regularised, so that the correction is 0 where there is no texture.
    xx, yy = xx + _MIN_TEXTURE, yy + _MIN_TEXTURE
    determinant = xx * yy - xy * xy
    squared = (np.square(yy * xr - xy * yr) + np.square(xx * yr - xy * xr)) / np.square(determinant)
    # The factor 4 converts squared pixels of the half-size image to the full size.
    confidence = np.exp(-4 * squared / (2 * TOLERANCE**2)) * eigenvalue / (eigenvalue + _MIN_TEXTURE)
    confidence = cv2.resize(confidence, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(valid, np.clip(confidence, 0, 1), 0).astype(np.float32)


def forward_backward_difference(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Compute the forward-backward error |f(p) + b(p + f(p))| at each pixel p of frame 1.

    Args:
        forward: Flow from frame 1 to frame 2, float32 [H, W, 2], pixels.
        backward: Flow from frame 2 to frame 1, float32 [H, W, 2], pixels.

    Returns:
        Distance between each point and its position after both flows, float32 [H, W], pixels.

    Raises:
        InputError: if the flows differ in shape.
    """
    if forward.shape != backward.shape:
        raise InputError(f"the two flows differ in size: {forward.shape} and {backward.shape}")
    end = pixel_grid(forward.shape[:2]) + forward
    return np.linalg.norm(forward + sample(backward, end, cv2.INTER_LINEAR), axis=-1)


def distance_confidence(distance: np.ndarray) -> np.ndarray:
    """Map an error in pixels to a confidence in [0, 1]: exp(-distance^2 / (2 `TOLERANCE`^2))."""
    return np.exp(-np.square(distance / TOLERANCE) / 2)
