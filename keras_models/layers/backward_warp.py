"""Backward warping of tensors, inside a graph."""

import warnings

import tensorflow as tf


def warp_back(second: tf.Tensor, flow: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Warp a tensor of frame 2 back to frame 1's grid: the result at p is `second` at p + flow(p).

    Sampling is bilinear, with gradients with respect to both arguments. The border is replicated.

    Args:
        second: Frame 2 or features of it, float32 [B, H, W, C] with H, W >= 2.
        flow: Flow from frame 1 to frame 2, float32 [B, H, W, 2], (x, y), in pixels of this grid.

    Returns:
        The warped tensor, float32 [B, H, W, C], and whether p + flow(p) lies on frame 2's grid, bool [B, H,
        W].

    Examples:
        >>> second = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
        >>> warped, inside = warp_back(second, np.full((1, 2, 3, 2), [1, 0], np.float32))
        >>> warped[0, 0, :, 0].numpy().tolist(), inside[0, 0].numpy().tolist()
        ([1.0, 2.0, 2.0], [True, True, False])
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Addons says that it is at its end of life
        from tensorflow_addons.image import dense_image_warp

    # Addons takes (row, column), and samples at p *minus* its flow.
    warped = dense_image_warp(second, -tf.reverse(flow, axis=[-1]))
    height, width = tf.shape(flow)[1], tf.shape(flow)[2]
    x = tf.range(width, dtype=tf.float32) + flow[..., 0]
    y = tf.range(height, dtype=tf.float32)[:, None] + flow[..., 1]
    last_x, last_y = tf.cast(width - 1, tf.float32), tf.cast(height - 1, tf.float32)
    return warped, (x >= 0) & (x <= last_x) & (y >= 0) & (y <= last_y)
