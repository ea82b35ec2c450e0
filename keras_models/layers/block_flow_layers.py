"""Flow in block form: the places of each block as channels.

A place of the grid holds 1, 2 x 2 or 4 x 4 places of the flow. *Parts* are 2 x 2 places as channels, value
by value: u (4), v (4). Four blocks of parts, 2 x 2 again, are 4 x 4 places: u (4), v (4) of the first block,
then of the next.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_models.layers.flow_layers import Float32Layer, enlarge


def _row_by_row(blocks: int, values: int) -> np.ndarray:
    """Permutation from n = 1 or 4 blocks of parts, v values each, to places row by row: [4 n v, 4 n v]."""
    side = 2 * int(blocks**0.5)
    matrix = np.zeros((4 * blocks * values,) * 2, np.float32)
    for block in range(blocks):
        for value in range(values):
            for part in range(4):
                row, column = 2 * (block // 2) + part // 2, 2 * (block % 2) + part % 2
                channel = 4 * (values * block + value) + part
                matrix[channel, values * (side * row + column) + value] = 1
    return matrix


def _places(parts: tf.Tensor, blocks: int) -> tf.Tensor:
    kernel = _row_by_row(blocks, parts.shape[-1] // (4 * blocks))
    return tf.nn.depth_to_space(tf.nn.conv2d(parts, kernel[None, None], 1, "VALID"), 2 * int(blocks**0.5))


@keras.saving.register_keras_serializable("faceflow")
class PartsToPlaces(Float32Layer):
    """Takes parts to the grid of their places.

    Args:
        blocks: Number of blocks of parts in the channels, 1 or 4.

    Input shape:
        [B, h, w, 4 * blocks * C].

    Output shape:
        float32 [B, 2 h, 2 w, C] for one block, [B, 4 h, 4 w, C] for four.

    Examples:
        >>> parts = np.float32([0, 1, 2, 3, 10, 11, 12, 13]).reshape(1, 1, 1, 8)
        >>> PartsToPlaces(1)(parts)[0, :, :, 0].numpy().tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """

    def __init__(self, blocks: int, **kwargs):
        super().__init__(**kwargs)
        self.blocks = blocks

    def call(self, parts: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return _places(tf.cast(parts, tf.float32), self.blocks)

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"blocks": self.blocks}


@keras.saving.register_keras_serializable("faceflow")
class SplitBlocks(Float32Layer):
    """Takes four blocks of parts to a grid of blocks: [B, h, w, 4 C] to float32 [B, 2 h, 2 w, C]."""

    def call(self, parts: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return tf.nn.depth_to_space(tf.cast(parts, tf.float32), 2)


@keras.saving.register_keras_serializable("faceflow")
class FinerFlow(Float32Layer):
    """Takes a flow of frames of half the size, in their pixels, to that of the frames: twice as many places.

    Input shape:
        [B, h, w, 8]: one block of parts.

    Output shape:
        float32 [B, h, w, 32]: four blocks of parts, interpolated bilinearly, with twice the values.
    """

    def call(self, parts: tf.Tensor) -> tf.Tensor:  # noqa: D102
        finer = enlarge(2 * _places(tf.cast(parts, tf.float32), 1))
        kernel = _row_by_row(4, 2).T.reshape(4, 4, 2, 32)
        return tf.nn.conv2d(finer, kernel, 4, "VALID")
