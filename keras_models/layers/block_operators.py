"""Operators on the pixels of frames, 4 x 4 blocks at a time, as fast as TensorFlow can be on a CPU.

Pixels lie in the channels of 4 x 4 blocks, as `tf.nn.space_to_depth` puts them: operations on one or two
channels take several times as long. `block_operators_reference` has the same functions in a form that is easy
to read.
"""

import numpy as np
import tensorflow as tf


def shrink(picture: tf.Tensor, factor: int) -> tf.Tensor:
    """Average [B, H, W, 1] over blocks: [B, H / factor, W / factor, 1]."""
    # For a single channel faster than pooling.
    return tf.nn.conv2d(picture, tf.fill((factor, factor, 1, 1), 1 / factor**2), factor, "VALID")


def smooth(values: tf.Tensor, window: int) -> tf.Tensor:
    """Average [B, H, W, C] over a window around each place, without what lies beyond the border."""
    return values if window == 1 else tf.nn.avg_pool2d(values, window, 1, "SAME")


def block_means(values: tf.Tensor) -> tf.Tensor:
    """Average the 2 x 2 parts of 4 x 4 blocks, row by row: [B, H, W, 16] to [B, H, W, 4]."""
    place = tf.range(16)
    part = 2 * (place // 8) + place % 4 // 2
    return tf.nn.conv2d(values, tf.one_hot(part, 4)[None, None] / 4, 1, "VALID")


def _flow_kernel() -> np.ndarray:
    """Kernel that interpolates the flow at the pixels of a 4 x 4 block from 4 x 4 half-resolution places.

    Returns:
        float32 [4, 4, 2, 32]: 16 for u and 16 for v, row by row.
    """
    around = np.zeros((4, 4), np.float32)  # pixel, place
    for pixel in range(4):
        place = (pixel + 0.5) / 2 + 0.5  # the first place lies just before the block
        first = int(place)
        around[pixel, first : first + 2] = 1 - (place - first), place - first
    kernel = np.einsum("ir,jc->rcij", around, around).reshape(4, 4, 1, 16)
    return np.concatenate([np.pad(kernel, [(0, 0)] * 2 + [(c, 1 - c), (0, 0)]) for c in (0, 1)], -1)


def _gradient_kernel() -> np.ndarray:
    """Kernel that takes the 6 x 6 pixels in and around a 4 x 4 block to its values and their gradient.

    Returns:
        float32 [6, 6, 1, 48]: 16 of the values, 16 along x and 16 along y, row by row.
    """
    still, slope = np.eye(4, 6, 1, np.float32), (np.eye(4, 6, 2) - np.eye(4, 6)).astype(np.float32) / 2
    parts = [np.einsum("ir,jc->rcij", *pair) for pair in ((still, still), (still, slope), (slope, still))]
    return np.concatenate([part.reshape(6, 6, 1, 16) for part in parts], -1)


def pixels_and_gradient(frame: tf.Tensor) -> tf.Tensor:
    """Return the values and the gradient of a frame, with the pixels of 4 x 4 blocks in the channels.

    Args:
        frame: float32 [B, H, W, 1], H and W multiples of 4.

    Returns:
        float32 [B, H/4, W/4, 48]: 16 values, 16 derivatives along x and 16 along y, row by row. The
        derivatives are central differences; the border is replicated.
    """
    around = tf.pad(frame, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    return tf.nn.conv2d(around, _gradient_kernel(), 4, "VALID")


def bilinear_table(frame: tf.Tensor) -> tf.Tensor:
    """Compute the coefficients of bilinear interpolation between each pixel and its neighbours.

    Args:
        frame: float32 [B, H, W, 1].

    Returns:
        float32 [B, H, W, 4]: a, b, c, d. The value at x to the right of a pixel and y below it, both in [0,
        1], is a + x b + y (c + x d). The border is replicated.
    """
    size = tf.shape(frame)
    around = tf.pad(frame, [[0, 0], [0, 1], [0, 1], [0, 0]], "SYMMETRIC")
    here, right, below, across = (
        tf.slice(around, [0, y, x, 0], size) for y, x in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    return tf.concat([here, right - here, below - here, across - right - below + here], -1)


def warp_blocks(table: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Warp a frame back by a half-resolution flow, with the pixels of 4 x 4 blocks in the channels.

    Args:
        table: `bilinear_table` of the frame, float32 [B, H, W, 4], H and W multiples of 4. It needs one
            gather per pixel, where the frame itself would need four.
        flow: float32 [B, H/2, W/2, 2], pixels.

    Returns:
        float32 [B, H/4, W/4, 16].
    """
    batch, height, width = tf.unstack(tf.shape(table)[:3])
    around = tf.pad(flow, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    u, v = tf.split(tf.nn.conv2d(around, _flow_kernel(), 2, "VALID"), 2, -1)
    place = tf.range(16)
    x = u + tf.cast(tf.range(0, width, 4)[:, None] + place % 4, tf.float32)
    y = v + tf.cast(tf.range(0, height, 4)[:, None, None] + place // 4, tf.float32)
    x = tf.clip_by_value(x, 0.0, tf.cast(width - 1, tf.float32))
    y = tf.clip_by_value(y, 0.0, tf.cast(height - 1, tf.float32))
    left, top = tf.floor(x), tf.floor(y)
    frame = tf.range(batch)[:, None, None, None] * height
    corner = (frame + tf.cast(top, tf.int32)) * width + tf.cast(left, tf.int32)
    # As a plain gather of rows: other runtimes take several times as long for one with batches or more axes.
    found = tf.unstack(tf.gather(tf.reshape(table, (-1, 4)), tf.reshape(corner, (-1,))), axis=-1)
    a, b, c, d = (tf.reshape(value, tf.shape(corner)) for value in found)
    x, y = x - left, y - top
    return a + x * b + y * (c + x * d)
