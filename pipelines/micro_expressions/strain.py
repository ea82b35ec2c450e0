"""Optical strain: the magnitude of stretch and shear of a flow."""

import tensorflow as tf


def optical_strain(flow: tf.Tensor) -> tf.Tensor:
    """Return the magnitude of the strain, sqrt(ux^2 + vy^2 + (uy + vx)^2 / 2).

    Derivatives are central differences, at the border one-sided ones, as `numpy.gradient` takes them. A
    translation has none, and a small rotation none to the first order.

    Args:
        flow: float32 [B, H, W, 2], (u, v) in pixels; H and W at least 2.

    Returns:
        float32 [B, H, W], pixels per pixel.

    References:
        Shreve et al., "Macro- and micro-expression spotting in long videos using spatio-temporal strain", FG
        2011, and Liong et al., "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression
        Recognition", FG 2019, equation 5: the shear e_xy = (uy + vx) / 2 counts twice.
    """
    u, v = tf.unstack(flow, axis=-1)
    shear = _gradient(u, axis=1) + _gradient(v, axis=2)
    return tf.sqrt(tf.square(_gradient(u, axis=2)) + tf.square(_gradient(v, axis=1)) + tf.square(shear) / 2)


def _gradient(values: tf.Tensor, axis: int) -> tf.Tensor:
    def part(array: tf.Tensor, first: int | None, last: int | None) -> tf.Tensor:
        return array[(slice(None),) * axis + (slice(first, last),)]

    step = part(values, 1, None) - part(values, None, -1)
    # The mean of the steps before and behind a pixel; at the border the only one there is.
    before = tf.concat([part(step, None, 1), step], axis)
    behind = tf.concat([step, part(step, -1, None)], axis)
    return (before + behind) / 2
