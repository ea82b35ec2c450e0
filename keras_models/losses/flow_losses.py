"""Losses of flow networks, as pure functions of true and predicted flow."""

import math
from collections.abc import Mapping

import tensorflow as tf

from keras_models.layers.backward_warp import warp_back

_GREY_LEVELS = 255.0
_HUBER_FROM = 1.0  # grey levels from which on a photometric error counts linearly
_CHARBONNIER = 0.01  # pixels per pixel, below which a change of the flow counts quadratically
_ROBUST_OFFSET = 0.01  # pixels; keeps the gradient of a power below 1 finite
_EDGE = 10.0  # decay of the weight with the image's gradient, per unit of its range and pixel


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """Length along the last axis. Its gradient at 0 is 0 and not NaN; the length of NaN is NaN."""
    squared = tf.reduce_sum(tf.square(vectors), axis=-1)
    zero = tf.equal(squared, 0.0)
    return tf.where(zero, 0.0, tf.sqrt(tf.where(zero, 1.0, squared)))


def end_point_error(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Return the end-point error of every pixel: the distance between true and predicted end point.

    Args:
        true: float32 [..., 2], pixels.
        predicted: float32 [..., 2], pixels.

    Returns:
        float32 [...], pixels.
    """
    return _length(tf.cast(predicted, tf.float32) - tf.cast(true, tf.float32))


def angular_error(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Return the angular error of every pixel: the angle between the directions (u, v, 1) in space-time.

    Args:
        true: float32 [..., 2], pixels.
        predicted: float32 [..., 2], pixels.

    Returns:
        float32 [...], degrees.

    References:
        Barron, Fleet, Beauchemin, "Performance of Optical Flow Techniques", IJCV 12(1), 1994, section 4.2.
    """
    true, predicted = tf.cast(true, tf.float32), tf.cast(predicted, tf.float32)
    # atan2 of cross and dot product: acos loses all precision below half a degree in float32.
    (u, v), (a, b) = tf.unstack(true, axis=-1), tf.unstack(predicted, axis=-1)
    cross = _length(tf.stack([v - b, a - u, u * b - v * a], axis=-1))
    return tf.atan2(cross, u * a + v * b + 1.0) * (180.0 / math.pi)


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the mean over images of each image's mean under its mask, 0 for an image with an empty mask.

    All images have the same weight, so the mean of a batch is the mean of the means of its equal parts.
    Training on several devices depends on that.

    Args:
        values: float32 [B, H, W].
        mask: bool or float [B, H, W], weights of the values.

    Examples:
        >>> float(masked_mean(np.float32([[[1, 3]], [[5, 9]]]), np.array([[[True, True]], [[True, False]]])))
        3.5
    """
    weights = tf.cast(mask, tf.float32)
    sums = tf.reduce_sum(values * weights, axis=[1, 2])
    return tf.reduce_mean(tf.math.divide_no_nan(sums, tf.reduce_sum(weights, axis=[1, 2])))


def shrink_flow(flow: tf.Tensor, valid: tf.Tensor, factor: int) -> tf.Tensor:
    """Average a flow over the valid pixels of blocks. Its unit remains the full-size pixel.

    Args:
        flow: float32 [B, H, W, 2]; H and W multiples of `factor`.
        valid: Validity, bool [B, H, W], or weights of the pixels, float.
        factor: Side of a block in pixels.

    Returns:
        Flow, float32 [B, H/factor, W/factor, 2], and the valid share of each block, float32
        [B, H/factor, W/factor].
    """
    weights = tf.cast(valid, tf.float32)[..., None]
    share = tf.nn.avg_pool2d(weights, factor, factor, "VALID")
    mean = tf.math.divide_no_nan(tf.nn.avg_pool2d(flow * weights, factor, factor, "VALID"), share)
    return mean, share[..., 0]


def multi_scale_epe(
    levels: Mapping[str, tf.Tensor],
    flow: tf.Tensor,
    valid: tf.Tensor,
    weights: Mapping[str, float],
    exponent: float = 1.0,
) -> tf.Tensor:
    """Return the weighted sum over levels of the mean end-point error on valid pixels.

    Args:
        levels: Estimates by name of the level, float32 [B, H/f, W/f, 2], in full-size pixels.
        flow: True flow, float32 [B, H, W, 2], pixels; H and W known, and multiples of every f.
        valid: Validity, bool [B, H, W], or weights of the pixels, float.
        weights: Weight by name of the level; every name must be in `levels`.
        exponent: Exponent of each pixel's error, in (0, 1].

    Returns:
        float32 scalar, pixels to the power of `exponent`.

    References:
        Sun et al., "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume", CVPR 2018,
        equation 5, for exponents below 1: (error + 0.01)^exponent, minus its value at error 0.
    """
    total = tf.constant(0.0)
    for level, weight in weights.items():
        factor = flow.shape[1] // levels[level].shape[1]
        true, share = shrink_flow(flow, valid, factor)
        error = end_point_error(true, levels[level])
        if exponent != 1:
            error = (error + _ROBUST_OFFSET) ** exponent - _ROBUST_OFFSET**exponent
        total += weight * masked_mean(error, share)
    return total


def uncertainty_loss(error: tf.Tensor, uncertainty: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the mean negative log-likelihood of the end-point error under an exponential distribution.

    For a given distribution of errors it is least where `uncertainty` is their mean.

    Args:
        error: End-point error, float32 [B, H, W], pixels. It gets no gradient.
        uncertainty: Expected end-point error, float32 [B, H, W], pixels, above 0.
        valid: Validity, bool [B, H, W], or weights of the pixels, float.

    Returns:
        float32 scalar, log pixels plus 1 for errors as expected.

    Examples:
        >>> error, everywhere = np.float32([[[1, 3]]]), np.ones((1, 1, 2), bool)
        >>> losses = [float(uncertainty_loss(error, np.full_like(error, u), everywhere)) for u in (1, 2, 4)]
        >>> losses.index(min(losses))
        1
    """
    likelihood = tf.math.log(uncertainty) + tf.stop_gradient(error) / uncertainty
    return masked_mean(likelihood, valid)


def photometric_error(frame1: tf.Tensor, frame2: tf.Tensor, flow: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
    """Return the mean difference between frame 1 and frame 2 warped back by the flow.

    Pixels that the flow leads out of the image do not count.

    Args:
        frame1: float32 [B, H, W, 3] in [0, 1].
        frame2: float32 [B, H, W, 3] in [0, 1].
        flow: Estimate, float32 [B, H, W, 2], pixels.
        counted: Weights of the pixels, bool or float [B, H, W].

    Returns:
        float32 scalar, grey levels of 255, mean over the channels.

    References:
        Huber's function, quadratic below one grey level, as in the code of Alkaddour et al. 2022.
    """
    warped, inside = warp_back(frame2, flow)
    distance = tf.abs(warped - frame1) * _GREY_LEVELS
    huber = tf.where(distance < _HUBER_FROM, distance**2 / 2, _HUBER_FROM * (distance - _HUBER_FROM / 2))
    counted = tf.cast(counted, tf.float32) * tf.cast(inside, tf.float32)
    return masked_mean(tf.reduce_mean(huber, axis=-1), counted)


def smoothness(flow: tf.Tensor, frame1: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Return the mean change of the flow between neighbours, with less weight at edges of the image.

    Args:
        flow: Estimate, float32 [B, H, W, 2], pixels; H, W >= 2.
        frame1: float32 [B, H, W, 3] in [0, 1].
        valid: Validity, bool [B, H, W]; a change counts where both neighbours are valid.

    Returns:
        float32 scalar, pixels per pixel, the sum over both axes and both components.

    References:
        Charbonnier's function of the change as in Alkaddour et al. 2022 (eps 0.01, exponent 1/2), shifted so
        that it is 0 for a constant flow; exp(-10 |change of the image|) as in Liu et al., "Learning by
        Analogy: Reliable Supervision from Transformations for Unsupervised Optical Flow", CVPR 2020.
    """
    total = tf.constant(0.0)
    for axis in (1, 2):
        here, there = (_without(flow, axis, end) for end in (-1, 0))
        edge = tf.reduce_mean(tf.abs(_without(frame1, axis, 0) - _without(frame1, axis, -1)), axis=-1)
        change = tf.sqrt(tf.square(there - here) + _CHARBONNIER**2) - _CHARBONNIER
        both = _without(valid, axis, 0) & _without(valid, axis, -1)
        total += masked_mean(tf.exp(-_EDGE * edge) * tf.reduce_sum(change, axis=-1), both)
    return total


def _without(values: tf.Tensor, axis: int, end: int) -> tf.Tensor:
    """Drop the first (end 0) or the last (end -1) row or column."""
    kept = slice(1, None) if end == 0 else slice(None, -1)
    return values[:, kept] if axis == 1 else values[:, :, kept]
