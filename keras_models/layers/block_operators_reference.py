"""Reference of `block_operators`: the same functions by standard operations, easy to read and slow.

Tests compare the two.
"""

import numpy as np
import tensorflow as tf

from keras_models.layers.backward_warp import warp_back
from keras_models.layers.flow_layers import enlarge

_BLOCK = 4


def shrink(picture: tf.Tensor, factor: int) -> tf.Tensor:
    """Average [B, H, W, 1] over blocks: [B, H / factor, W / factor, 1]."""
    return tf.nn.avg_pool2d(picture, factor, factor, "VALID")


def block_means(values: tf.Tensor) -> tf.Tensor:
    """Average the 2 x 2 parts of 4 x 4 blocks, row by row: [B, H, W, 16] to [B, H, W, 4]."""
    return tf.nn.space_to_depth(tf.nn.avg_pool2d(tf.nn.depth_to_space(values, _BLOCK), 2, 2, "VALID"), 2)


def pixels_and_gradient(frame: np.ndarray) -> tf.Tensor:
    """Return values and central differences of a frame [B, H, W, 1] in 4 x 4 blocks: [B, H/4, W/4, 48]."""
    padded = np.pad(frame[..., 0], [(0, 0), (1, 1), (1, 1)], mode="edge")
    along_y, along_x = (slope[:, 1:-1, 1:-1, None] for slope in np.gradient(padded, axis=(1, 2)))
    parts = [tf.nn.space_to_depth(part, _BLOCK) for part in (frame, along_x, along_y)]
    return tf.concat(parts, -1)


def warp_blocks(frame: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Warp a frame [B, H, W, 1] back by a flow [B, H/2, W/2, 2], in 4 x 4 blocks: [B, H/4, W/4, 16]."""
    return tf.nn.space_to_depth(warp_back(frame, enlarge(flow))[0], _BLOCK)
