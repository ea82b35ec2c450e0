"""Layers that hold several independent copies of themselves, trained side by side.

A leave-one-subject-out protocol trains one small network for each subject. As copies in one model they share
the input, the batches and the calls, and nothing else: no weight and no statistic of one copy enters another,
so that each learns what it would have learned alone, in a fraction of the time.

The first axis of every weight is the copy. Layers that mix samples or channels, such as batch normalisation,
have no place beside these.
"""

import keras
import numpy as np
import tensorflow as tf


class CopiedConvPool(keras.layers.Layer):
    """For each copy, streams of 3x3 convolution, ReLU and 3x3 max-pooling with stride 3, padded to `same`.

    Args:
        copies: how many.
        streams: kernels of each stream; streams differ in nothing else, so that they are one array.

    Input shape: [B, H, W, C]. Output shape: [B, ceil(H / 3), ceil(W / 3), copies, sum(streams)].
    """

    def __init__(self, copies: int, streams: tuple[int, ...], **kwargs):
        super().__init__(**kwargs)
        self.copies, self.streams = copies, tuple(streams)

    def build(self, shape):  # noqa: D102
        def glorot(shape, dtype=None):
            draws = [
                tf.random.uniform((*shape[:-1], kernels), -1, 1, dtype)
                * (6 / (9 * shape[-2] + 9 * kernels)) ** 0.5
                for kernels in self.streams
            ]
            return tf.concat(draws, axis=-1)

        kernels = sum(self.streams)
        self.kernel = self.add_weight("kernel", (self.copies, 3, 3, shape[-1], kernels), initializer=glorot)
        self.bias = self.add_weight("bias", (self.copies, kernels), initializer="zeros")

    def call(self, inputs):  # noqa: D102
        kernel = tf.transpose(self.kernel, [1, 2, 3, 0, 4])
        kernel = tf.reshape(kernel, [*kernel.shape[:3], self.copies * kernel.shape[-1]])
        pooled = conv_relu_pool(inputs, kernel, tf.reshape(self.bias, [-1]))
        return tf.reshape(pooled, [-1, *pooled.shape[1:3], self.copies, sum(self.streams)])

    def get_config(self):  # noqa: D102
        return super().get_config() | {"copies": self.copies, "streams": self.streams}


class CopiedDense(keras.layers.Layer):
    """A dense layer for each copy's own input.

    Args:
        units: outputs of each copy.
        activation: as in `keras.layers.Dense`.

    Input shape: [B, copies, D]. Output shape: [B, copies, units].
    """

    def __init__(self, units: int, activation: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, activation

    def build(self, shape):  # noqa: D102
        _, copies, inputs = shape
        limit = (6 / (inputs + self.units)) ** 0.5  # Glorot's, of one copy
        uniform = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight("kernel", (copies, inputs, self.units), initializer=uniform)
        self.bias = self.add_weight("bias", (copies, self.units), initializer="zeros")

    def call(self, inputs):  # noqa: D102
        outputs = tf.einsum("bci,cio->bco", inputs, self.kernel) + self.bias
        return keras.activations.get(self.activation)(outputs)

    def get_config(self):  # noqa: D102
        return super().get_config() | {"units": self.units, "activation": self.activation}


def conv_relu_pool(features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Return what `conv2d`, `relu` and `max_pool2d` with windows of 3x3 give, several times faster on a CPU.

    There, the gradient of TensorFlow's own max-pooling takes as long as all the rest. Here the convolution is
    a product of matrices for each of the nine places in a window, and the gradient remembers which place won.

    Args:
        features: float32 [B, H, W, C], not trained.
        kernel: float32 [3, 3, C, K].
        bias: float32 [K].

    Returns:
        float32 [B, ceil(H / 3), ceil(W / 3), K].
    """
    places, grid = _windows(features)
    weights = tf.concat([tf.reshape(kernel, [-1, kernel.shape[-1]]), bias[None]], axis=0)
    return tf.reshape(_largest(weights, *places), [-1, *grid, kernel.shape[-1]])


def _windows(features: tf.Tensor) -> tuple[list[tf.Tensor], tuple[int, int]]:
    """Return what a kernel sees at each of the nine places of every pooling window, [B * windows, 9 C + 1].

    The last column, a 1 that the bias multiplies, is 0 outside of the picture like all others: there the
    product is 0, and ReLU makes that the least there is.
    """
    _, height, width, channels = features.shape
    rows, columns = -(-height // 3), -(-width // 3)
    above, left = (3 * rows - height) // 2, (3 * columns - width) // 2
    below, right = 3 * rows - height - above, 3 * columns - width - left
    marked = tf.concat([features, tf.ones_like(features[..., :1])], axis=-1)
    around = tf.pad(marked, [[0, 0], [above + 1, below + 1], [left + 1, right + 1], [0, 0]])
    # Convolutions that copy: several times faster than slices of a few channels.
    look = np.zeros((3, 3, channels + 1, 9 * channels + 1), np.float32)
    look[:, :, :-1, :-1] = np.eye(9 * channels).reshape(3, 3, channels, -1)
    look[1, 1, -1, -1] = 1
    seen = [tf.nn.conv2d(around[:, y:, x:], look, 3, "VALID") for y in range(3) for x in range(3)]
    return [tf.reshape(place * place[..., -1:], [-1, 9 * channels + 1]) for place in seen], (rows, columns)


@tf.custom_gradient
def _largest(weights: tf.Tensor, *places: tf.Tensor) -> tf.Tensor:
    """Return the largest of 0 and each place's product with the weights, [B * windows, K]."""
    best = tf.zeros([tf.shape(places[0])[0], weights.shape[1]])
    winner = tf.fill(tf.shape(best), tf.constant(-1, tf.int8))
    for number, place in enumerate(places):
        value = tf.matmul(place, weights)
        winner = tf.where(value > best, tf.constant(number, tf.int8), winner)
        best = tf.maximum(value, best)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        own = [tf.cast(winner == number, upstream.dtype) * upstream for number in range(len(places))]
        products = [
            tf.matmul(place, share, transpose_a=True) for place, share in zip(places, own, strict=True)
        ]
        return tf.add_n(products), *(None for _ in places)

    return best, gradient
