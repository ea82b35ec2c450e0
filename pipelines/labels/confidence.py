"""How far a label can be believed, from the pictures that it is the label of."""

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels.variational import data_term, gaussian, resized

#: An error of this many pixels takes the confidence down to exp(-1/2).
TOLERANCE = 0.5
# Information (gradient over noise, squared, in 1/px^2) at which half of the confidence is left. Far below
# what skin has in a good picture, which is tens.
_LEAST_TEXTURE = 0.3
_WINDOW = 2.0  # standard deviation of the neighbourhood, pixels of the half-size picture


def photometric_confidence(
    frame1: np.ndarray, frame2: np.ndarray, flow: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Rate a flow by the correction that the pictures still ask for, and by whether they could ask.

    With S the sum of the data term over a neighbourhood, d = S^-1 b its correction and s the smaller
    eigenvalue of S, the confidence is exp(-|d|^2 / (2 `TOLERANCE`^2)) s / (s + least texture). It is found on
    pictures of half the size.

    Args:
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        flow: float32 [H, W, 2], pixels.
        valid: bool [H, W].

    Returns:
        float32 [H, W] in [0, 1], 0 where not valid.
    """
    height, width = flow.shape[:2]
    half = max(1, height // 2), max(1, width // 2)
    smaller = [resized(frame, half).astype(np.float32) for frame in (frame1, frame2)]
    tensor = gaussian(data_term(*smaller, resized(flow, half) / 2), _WINDOW)
    xx, xy, yy, xr, yr = np.moveaxis(tensor, -1, 0)
    least = (xx + yy) / 2 - np.sqrt(np.square(xx - yy) / 4 + xy * xy)
    # A little stiffness, so that no correction is asked for where there is nothing to see.
    xx, yy = xx + _LEAST_TEXTURE, yy + _LEAST_TEXTURE
    determinant = xx * yy - xy * xy
    squared = (np.square(yy * xr - xy * yr) + np.square(xx * yr - xy * xr)) / np.square(determinant)
    # In pixels of the full picture.
    believed = np.exp(-4 * squared / (2 * TOLERANCE**2)) * least / (least + _LEAST_TEXTURE)
    believed = cv2.resize(believed, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(valid, np.clip(believed, 0, 1), 0).astype(np.float32)


def forward_backward_difference(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Return how far going there and back ends from where it began: |f(p) + b(p + f(p))|.

    Args:
        forward: float32 [H, W, 2], frame 1 -> frame 2, pixels.
        backward: float32 [H, W, 2], frame 2 -> frame 1.

    Returns:
        float32 [H, W], pixels.

    Raises:
        InputError: if the two differ in size.
    """
    if forward.shape != backward.shape:
        raise InputError(f"the two flows differ in size: {forward.shape} and {backward.shape}")
    there = pixel_grid(forward.shape[:2]) + forward
    return np.linalg.norm(forward + sample(backward, there, cv2.INTER_LINEAR), axis=-1)


def agreement(distance: np.ndarray) -> np.ndarray:
    """Turn a distance in pixels into a factor in [0, 1]: exp(-distance^2 / (2 `TOLERANCE`^2))."""
    return np.exp(-np.square(distance / TOLERANCE) / 2)
