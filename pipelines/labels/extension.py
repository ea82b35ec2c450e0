"""Smooth extrapolation of a flow to pixels where it is unknown."""

import cv2
import numpy as np


def extend(flow: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Fill in the invalid pixels of a flow by the pull-push algorithm.

    Args:
        flow: Flow, float32 [H, W, 2], pixels.
        valid: Where the flow is known, bool [H, W].

    Returns:
        The flow where it is valid, and elsewhere a weighted mean of the valid flow nearby, over a window that
        grows with the distance; float32 [H, W, 2]. 0 everywhere if no pixel is valid.

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
