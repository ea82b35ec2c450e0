"""Flow in block form: the places of each block as channels.

A place of the grid holds 1, 2 x 2 or 4 x 4 places of the flow. *Parts* are 2 x 2 places as channels, value
by value: u (4), v (4). Four blocks of parts, 2 x 2 again, are 4 x 4 places: u (4), v (4) of the first block,
then of the next.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_models.layers.flow_layers import Float32Layer, enlarge
from keras_models.layers.frame_blocks import matmul_channels


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
class ExpectedFlow(Float32Layer):
    """Expected displacement of a correlation, as parts: the mean of its shifts, weighted by a softmax.

    The correlation is multiplied by a weight before, the sharpness, which is small at first: a fresh layer
    expects almost no motion. Where no shift stands out, the expected displacement stays small.

    Args:
        pixels: Number of pixels on a side of a place, the unit of the displacement.

    Input shape:
        [B, h, w, (2 r + 1)^2], of `Correlation` of radius r with stride 1.

    Output shape:
        float32 [B, h, w, 8]: one block of parts, which are all alike.

    References:
        Xu et al., "GMFlow: Learning Optical Flow via Global Matching", CVPR 2022: matching by a softmax.

    Examples:
        >>> cost = np.zeros((1, 1, 1, 9), np.float32)
        >>> cost[..., 5] = 100  # dy = 0, dx = 1
        >>> np.abs(ExpectedFlow(4)(cost)[0, 0, 0].numpy().round(2)).tolist()
        [4.0, 4.0, 4.0, 4.0, 0.0, 0.0, 0.0, 0.0]
    """

    # Sharpness for a weight of 1, with which a cosine of 1 stands out among 80 of 1/2. The weight is as large
    # as others, so that it learns as fast.
    _SHARPNESS = 20.0
    _FIRST_WEIGHT = 0.005

    def __init__(self, pixels: float, **kwargs):
        super().__init__(**kwargs)
        self.pixels = pixels

    def build(self, input_shape) -> None:  # noqa: D102
        start = keras.initializers.Constant(self._FIRST_WEIGHT)
        self.sharpness = self.add_weight(name="sharpness", shape=(), initializer=start)
        super().build(input_shape)

    def call(self, cost: tf.Tensor) -> tf.Tensor:  # noqa: D102
        side = int(cost.shape[-1] ** 0.5)
        shifts = self.pixels * (np.arange(side) - side // 2)
        dy, dx = np.meshgrid(shifts, shifts, indexing="ij")
        matrix = np.stack([dx.ravel()] * 4 + [dy.ravel()] * 4, axis=-1)
        return matmul_channels(
            tf.nn.softmax(self._SHARPNESS * self.sharpness * tf.cast(cost, tf.float32)), matrix
        )

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"pixels": self.pixels}


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
