"""Figures that tell how good a label is where no truth is known."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.image.bicubic import warp_back_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels import Label
from pipelines.labels.confidence import forward_backward_difference


@dataclass(frozen=True)
class LabelQuality:
    """Means over the pixels where the label is valid; NaN where there is nothing to measure on.

    How restless landmarks are over a clip, `pipelines.landmarks.smoothing.jitter` tells.

    Attributes:
        photometric: absolute difference of frame 1 and frame 2 warped back, of 255.
        still: the same without warping, for comparison.
        forward_backward: pixels between a point and where it ends after going there and back.
        confidence: of the label, in [0, 1].
        coverage: share of the picture that the label is valid on.
    """

    photometric: float
    still: float
    forward_backward: float
    confidence: float
    coverage: float


def label_quality(
    frame1: np.ndarray, frame2: np.ndarray, label: Label, backward: Label | None = None
) -> LabelQuality:
    """Measure a label on the pictures that it is the label of.

    Args:
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        label: frame 1 -> frame 2.
        backward: frame 2 -> frame 1, by the same method; without it there is no `forward_backward`.

    Raises:
        InputError: if the two labels differ in size.
    """
    valid = label.valid
    first, second = frame1.astype(np.float32), frame2.astype(np.float32)
    back = np.abs(warp_back_bicubic(second, label.flow) - first).mean(axis=-1)
    difference = np.full(valid.shape, np.nan)
    if backward is not None:
        difference = forward_backward_difference(label.flow, backward.flow)
        # A point that lands where nothing is known does not come back.
        there = pixel_grid(valid.shape) + label.flow
        difference[sample(backward.valid.astype(np.float32), there, cv2.INTER_LINEAR) < 1] = np.nan
    return LabelQuality(
        photometric=_mean(back, valid),
        still=_mean(np.abs(second - first).mean(axis=-1), valid),
        forward_backward=_mean(difference, valid & np.isfinite(difference)),
        confidence=_mean(label.confidence, valid),
        coverage=float(valid.mean()),
    )


def _mean(values: np.ndarray, mask: np.ndarray) -> float:
    return float(values[mask].mean()) if mask.any() else float("nan")
