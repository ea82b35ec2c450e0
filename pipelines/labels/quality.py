"""Quality measures of a label without ground truth."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.image.bicubic import warp_back_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels import Label
from pipelines.labels.confidence import forward_backward_difference


@dataclass(frozen=True)
class LabelQuality:
    """Means over the pixels where the label is valid; NaN if there is no such pixel.

    `pipelines.landmarks.smoothing.jitter` measures the jitter of landmarks over a clip.

    Attributes:
        photometric_error: Mean absolute difference between frame 1 and frame 2 warped back, grey levels of
            255.
        unwarped_error: The same without warping, for comparison.
        forward_backward_error: Mean forward-backward error, pixels.
        confidence: Mean confidence of the label, in [0, 1].
        coverage: Share of the image where the label is valid, in [0, 1].
    """

    photometric_error: float
    unwarped_error: float
    forward_backward_error: float
    confidence: float
    coverage: float


def label_quality(
    frame1: np.ndarray, frame2: np.ndarray, label: Label, backward: Label | None = None
) -> LabelQuality:
    """Measure the quality of a label on its frames.

    Args:
        frame1: First frame, uint8 [H, W, 3], RGB.
        frame2: Second frame, uint8 [H, W, 3], RGB.
        label: Label from frame 1 to frame 2.
        backward: Label from frame 2 to frame 1 by the same method; without it `forward_backward_error` is
            NaN.

    Raises:
        InputError: if the two labels differ in size.

    Examples:
        >>> import numpy as np
        >>> from pipelines.labels import Label
        >>> frame = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        >>> everywhere = np.ones((32, 32), bool)
        >>> still = Label(np.zeros((32, 32, 2), np.float32), everywhere, lambda: everywhere * 1.0)
        >>> label_quality(frame, frame, still, still).forward_backward_error
        0.0
    """
    valid = label.valid
    first, second = frame1.astype(np.float32), frame2.astype(np.float32)
    warped = warp_back_bicubic(second, label.flow)
    difference = np.full(valid.shape, np.nan)
    if backward is not None:
        difference = forward_backward_difference(label.flow, backward.flow)
        # Not defined where the backward flow is unknown at the end point.
        end = pixel_grid(valid.shape) + label.flow
        difference[sample(backward.valid.astype(np.float32), end, cv2.INTER_LINEAR) < 1] = np.nan
    return LabelQuality(
        photometric_error=_mean(np.abs(warped - first).mean(axis=-1), valid),
        unwarped_error=_mean(np.abs(second - first).mean(axis=-1), valid),
        forward_backward_error=_mean(difference, valid & np.isfinite(difference)),
        confidence=_mean(label.confidence, valid),
        coverage=float(valid.mean()),
    )


def _mean(values: np.ndarray, mask: np.ndarray) -> float:
    return float(values[mask].mean()) if mask.any() else float("nan")
