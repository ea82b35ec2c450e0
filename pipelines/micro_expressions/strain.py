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
    along_x, along_y = _gradient(flow, axis=2), _gradient(flow, axis=1)
    stretch = tf.square(along_x[..., 0]) + tf.square(along_y[..., 1])
    shear = tf.square(along_y[..., 0] + along_x[..., 1]) / 2
    return tf.sqrt(stretch + shear)


def _gradient(flow: tf.Tensor, axis: int) -> tf.Tensor:
    length = tf.shape(flow)[axis]
    step = tf.gather(flow, tf.range(1, length), axis=axis) - tf.gather(flow, tf.range(length - 1), axis=axis)
    first, last = tf.gather(step, [0], axis=axis), tf.gather(step, [length - 2], axis=axis)
    # The mean of the steps before and behind a pixel; at the border the only one there is.
    before, behind = tf.concat([first, step], axis), tf.concat([step, last], axis)
    return (before + behind) / 2
