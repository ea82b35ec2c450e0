"""Smooth continuation of a flow beyond where it is known."""

import cv2
import numpy as np


def extend(flow: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Fill a flow in where it is not valid, by push and pull over a Gaussian pyramid.

    Args:
        flow: float32 [H, W, 2], pixels.
        valid: bool [H, W].

    Returns:
        float32 [H, W, 2]: the flow itself where it is valid, and a mean of its surroundings elsewhere, of
        ever wider ones with the distance. 0 if nothing is valid.

    References:
        Gortler et al., "The lumigraph", SIGGRAPH 1996, section 3.4.
    """
    weight = valid.astype(np.float32)
    weighted = flow * weight[..., None]
    levels = [(weighted, weight)]
    while min(levels[-1][1].shape) > 2:
        weighted, weight = (cv2.pyrDown(array) for array in levels[-1])
        levels.append((weighted, weight))
    filled = weighted / np.maximum(weight, 1e-6)[..., None]
    for weighted, weight in reversed(levels[:-1]):
        filled = cv2.pyrUp(filled, dstsize=weight.shape[::-1])
        filled = weighted + (1 - weight)[..., None] * filled
    return filled
