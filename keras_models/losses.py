"""Losses of flow networks, as pure functions of true and predicted flow."""

import math

import tensorflow as tf

# Loss weights of FlowNet, finest (1/4) to coarsest (1/64), as in FlowNetPytorch's `multiscaleEPE`.
# There they multiply a *sum* over pixels, and each level has a quarter of the pixels of the one before.
FLOWNET_SUM_WEIGHTS = {"flow2": 0.005, "flow3": 0.01, "flow4": 0.02, "flow5": 0.08, "flow6": 0.32}


def _as_weights_of_means(weights: dict[str, float]) -> dict[str, float]:
    """Translate weights of sums over pixels into weights of means over pixels that add up to 1."""
    scaled = {level: weight / 4**k for k, (level, weight) in enumerate(weights.items())}
    total = sum(scaled.values())
    return {level: weight / total for level, weight in scaled.items()}


#: Weights of the mean end-point error of each level: the finest counts most (0.44), and adding up to 1.
LEVEL_WEIGHTS = _as_weights_of_means(FLOWNET_SUM_WEIGHTS)


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """Length along the last axis. Its slope at 0 is 0 and not NaN; the length of NaN stays NaN."""
    squared = tf.reduce_sum(tf.square(vectors), axis=-1)
    zero = tf.equal(squared, 0.0)
    return tf.where(zero, 0.0, tf.sqrt(tf.where(zero, 1.0, squared)))


def end_point_error(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Distance between true and predicted end point of every pixel.

    Args:
        true: float32 [..., 2], pixels.
        predicted: float32 [..., 2], pixels.

    Returns:
        float32 [...], pixels.
    """
    return _length(tf.cast(predicted, tf.float32) - tf.cast(true, tf.float32))


def angular_error(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Angle between the directions (u, v, 1) in space-time of every pixel.

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
    """Mean of the values where the mask is true; 0 where it is true nowhere.

    Args:
        values: float32 [...].
        mask: bool or float [...], weights of the values.
    """
    weights = tf.cast(mask, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), tf.reduce_sum(weights))


def shrink_flow(flow: tf.Tensor, valid: tf.Tensor, factor: int) -> tf.Tensor:
    """Average a flow over blocks of pixels, leaving out invalid ones. Its unit stays the full-size pixel.

    Args:
        flow: float32 [B, H, W, 2]; H and W multiples of `factor`.
        valid: bool [B, H, W].
        factor: side of a block in pixels.

    Returns:
        Flow, float32 [B, H/factor, W/factor, 2], and the valid share of each block, float32
        [B, H/factor, W/factor].
    """
    weights = tf.cast(valid, tf.float32)[..., None]
    share = tf.nn.avg_pool2d(weights, factor, factor, "VALID")
    mean = tf.math.divide_no_nan(tf.nn.avg_pool2d(flow * weights, factor, factor, "VALID"), share)
    return mean, share[..., 0]


def multi_scale_epe(
    levels: dict[str, tf.Tensor], flow: tf.Tensor, valid: tf.Tensor, weights: dict[str, float] | None = None
) -> tf.Tensor:
    """Weighted sum over levels of the mean end-point error on the valid pixels of each.

    Args:
        levels: estimates by level name, float32 [B, H/f, W/f, 2], in full-size pixels.
        flow: the truth, float32 [B, H, W, 2], pixels.
        valid: bool [B, H, W].
        weights: weight by level name; every name must be in `levels`. FlowNet's by default.

    Returns:
        float32 scalar, pixels.
    """
    total = tf.constant(0.0)
    for level, weight in (weights or LEVEL_WEIGHTS).items():
        factor = flow.shape[1] // levels[level].shape[1]
        true, share = shrink_flow(flow, valid, factor)
        total += weight * masked_mean(end_point_error(true, levels[level]), share)
    return total
