"""Tensors brought back by a flow, inside a graph."""

import warnings

import tensorflow as tf


def warp_back(second: tf.Tensor, flow: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Bring what belongs to frame 2 onto frame 1's grid: the result at p is `second` at p + flow(p).

    Bilinear, with a gradient in both arguments; beyond its border the border's value goes on.

    Args:
        second: float32 [B, H, W, C] with H, W >= 2: frame 2 or features of it.
        flow: float32 [B, H, W, 2], frame 1 -> frame 2, (x, y), in pixels of this grid.

    Returns:
        float32 [B, H, W, C]; and where p + flow(p) lies on frame 2's grid, bool [B, H, W].
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Addons says that it is at its end of life
        from tensorflow_addons.image import dense_image_warp

    # Addons wants (row, column), and reads at p *minus* its flow.
    warped = dense_image_warp(second, -tf.reverse(flow, axis=[-1]))
    height, width = tf.shape(flow)[1], tf.shape(flow)[2]
    x = tf.range(width, dtype=tf.float32) + flow[..., 0]
    y = tf.range(height, dtype=tf.float32)[:, None] + flow[..., 1]
    last_x, last_y = tf.cast(width - 1, tf.float32), tf.cast(height - 1, tf.float32)
    return warped, (x >= 0) & (x <= last_x) & (y >= 0) & (y <= last_y)
