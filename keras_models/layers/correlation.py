"""Correlation of two feature maps: similarity of each place in one to the places around it in the other.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, equation 1
    (patches of one pixel, and the mean over the channels in place of the sum).
"""

import warnings
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

_TILE = 8  # places


def correlation(features1: tf.Tensor, features2: tf.Tensor, radius: int, stride: int = 1) -> tf.Tensor:
    """Correlate two feature maps by matrix products, in core TensorFlow operations.

    The places of features1 are cut into tiles, and each tile is multiplied with all places of features2
    around it. That is more than the places within the radius. But one operation per shift would be a few
    hundred small operations, and the time to load a graph grows with their number.

    Args:
        features1: float32 [B, H, W, C].
        features2: float32 [B, H, W, C], padded by zeros.
        radius: Maximum shift along x and along y, in places of the map; a multiple of `stride`.
        stride: Distance between two shifts, in places of the map.

    Returns:
        float32 [B, H, W, D * D] with D = 2 * radius / stride + 1: the mean over C of features1 at (x, y)
        times features2 at (x + dx, y + dy). Channels run over dy from -radius to radius, and over dx within
        each dy.
    """
    batch, height, width = tf.unstack(tf.shape(features1)[:3])
    channels, reach = features1.shape[-1], _TILE + 2 * radius  # places of a row around a tile
    # Of positive numbers alone: ONNX rounds the others towards 0.
    rows, columns = ((length + _TILE - 1) // _TILE for length in (height, width))
    spare = [[0, rows * _TILE - height], [0, columns * _TILE - width]]
    first = tf.pad(features1 / channels, [[0, 0], *spare, [0, 0]])
    around = [[radius, radius + after] for _, after in spare]
    second = tf.pad(features2, [[0, 0], *around, [0, 0]])

    def tiles(values: tf.Tensor, side: int, line: tf.Tensor) -> tf.Tensor:
        """Gather tiles of `side` x `side` from rows of `line` places: [B, tiles, side^2, C]."""
        row, column = (tf.range(n)[:, None] * _TILE + tf.range(side) for n in (rows, columns))
        place = row[:, None, :, None] * line + column[None, :, None, :]
        found = tf.gather(tf.reshape(values, (batch, -1, channels)), tf.reshape(place, (-1,)), axis=1)
        return tf.reshape(found, (batch, rows * columns, side * side, channels))

    products = tf.matmul(
        tiles(first, _TILE, columns * _TILE),
        tiles(second, reach, columns * _TILE + 2 * radius),
        transpose_b=True,
    )
    shifts = np.arange(0, 2 * radius + 1, stride)
    place, shift = np.ogrid[:_TILE, :_TILE], (shifts[:, None], shifts)
    y, x = (here[..., None, None] + there for here, there in zip(place, shift, strict=True))
    wanted = (place[0] * _TILE + place[1])[..., None, None] * reach**2 + y * reach + x
    within = tf.gather(
        tf.reshape(products, (batch * rows * columns, _TILE**2 * reach**2)), wanted.ravel(), axis=1
    )
    within = tf.reshape(within, (batch * rows, columns, _TILE, _TILE * len(shifts) ** 2))
    within = tf.transpose(within, (0, 2, 1, 3))
    whole = tf.reshape(within, (batch, rows * _TILE, columns * _TILE, len(shifts) ** 2))
    return whole[:, :height, :width]


def correlation_cost(features1: tf.Tensor, features2: tf.Tensor, radius: int, stride: int = 1) -> tf.Tensor:
    """Compute the same by Addons' operation, whose gradient is faster for many shifts, as in FlowNetC.

    TensorFlow Serving, tf2onnx and XLA do not have that operation. On a CPU its gradient with respect to the
    second features sometimes lacks terms, because threads add to the same places at once. The gradient with
    respect to the first features is correct, so the other is computed as such, with the features exchanged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Addons says that it is at its end of life
        from tensorflow_addons.layers import CorrelationCost

    layer = CorrelationCost(
        kernel_size=1,
        max_displacement=radius,
        stride_1=1,
        stride_2=stride,
        pad=radius,
        data_format="channels_last",
    )

    def slope_of_first(first: tf.Tensor, second: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(first)
            cost = layer([first, second])
        return tape.gradient(cost, first, upstream)

    @tf.custom_gradient
    def cost_of(first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            exchanged = _exchanged(upstream, radius, stride)
            return slope_of_first(first, second, upstream), slope_of_first(second, first, exchanged)

        return layer([first, second]), gradient

    cost = cost_of(features1, features2)
    return tf.ensure_shape(cost, [*features1.shape[:3], (2 * radius // stride + 1) ** 2])


def _exchanged(values: tf.Tensor, radius: int, stride: int) -> tf.Tensor:
    """Arrange values of `correlation(a, b)`, [B, H, W, D * D], as those of `correlation(b, a)`.

    What stands at (x, y) for a shift by (dx, dy) goes to (x + dx, y + dy), for the shift by (-dx, -dy).
    """
    shifts = range(2 * radius, -1, -stride)
    size = tf.shape(values)[:3]
    padded = tf.pad(values, [[0, 0], [radius, radius], [radius, radius], [0, 0]])
    places = [(y, x) for y in shifts for x in shifts]
    moved = [tf.slice(padded[..., k], [0, y, x], size) for k, (y, x) in enumerate(places)]
    return tf.stack(moved[::-1], axis=-1)


@keras.saving.register_keras_serializable("faceflow")
class Correlation(keras.layers.Layer):
    """Correlation layer that uses Addons' operation in training and core TensorFlow operations in inference.

    In training mode it calls `correlation_cost` for its gradient, otherwise `correlation`, which can be
    exported. Both compute the same function in float32 under any dtype policy, and neither has weights, so
    nothing has to be rebuilt for export.

    Args:
        radius: Maximum shift along x and along y, in places of the map; a multiple of `stride`.
        stride: Distance between two shifts, in places of the map.

    Input shape:
        [B, H, W, C] twice: features of frame 1 and of frame 2. H and W may be unknown.

    Output shape:
        [B, H, W, (2 * radius / stride + 1)^2], of the policy's dtype.

    Raises:
        ValueError: If `radius` is not a multiple of `stride`.

    Examples:
        >>> features = np.zeros((2, 1, 8, 8, 16), np.float32)
        >>> Correlation(radius=4)([features[0], features[1]]).shape
        TensorShape([1, 8, 8, 81])
    """

    def __init__(self, radius: int, stride: int = 1, **kwargs):
        super().__init__(**kwargs)
        if radius % stride:
            raise ValueError(f"radius {radius} is not a multiple of stride {stride}")
        self.radius, self.stride = radius, stride

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool | None = None) -> tf.Tensor:  # noqa: D102
        features1, features2 = (tf.cast(features, tf.float32) for features in inputs)
        correlate = correlation_cost if training else correlation
        return tf.cast(correlate(features1, features2, self.radius, self.stride), self.compute_dtype)

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"radius": self.radius, "stride": self.stride}
