"""Layers of an ensemble: independent networks of the same form in one model, trained side by side.

A leave-one-subject-out protocol trains one small network for each subject. As the members of an ensemble they
share the input, the batches and the calls, and nothing else: no weight and no statistic of one member enters
another, so that each learns what it would have learned alone, in a fraction of the time.

The first axis of every weight is the member. Layers that mix samples or channels, such as batch
normalisation, must not be used beside these.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("faceflow")
class EnsembleConvPool(keras.layers.Layer):
    """Streams of 3x3 convolution, ReLU and 3x3 max-pooling with stride 3, for each member of an ensemble.

    Both are padded to `same`.

    Args:
        ensemble_size: Number of members.
        streams: Number of kernels of each stream. Streams differ in nothing else, so their kernels are one
            array.

    Input shape:
        float32 [B, H, W, C].

    Output shape:
        float32 [B, ceil(H / 3), ceil(W / 3), ensemble_size, sum(streams)].

    Examples:
        >>> EnsembleConvPool(ensemble_size=2, streams=(3, 5, 8))(np.zeros((4, 28, 28, 3), np.float32)).shape
        TensorShape([4, 10, 10, 2, 16])
    """

    def __init__(self, ensemble_size: int, streams: tuple[int, ...], **kwargs):
        super().__init__(**kwargs)
        self.ensemble_size, self.streams = ensemble_size, tuple(streams)

    def build(self, shape):  # noqa: D102
        def glorot_uniform(shape, dtype=None):
            draws = [
                tf.random.uniform((*shape[:-1], kernels), -1, 1, dtype)
                * (6 / (9 * shape[-2] + 9 * kernels)) ** 0.5
                for kernels in self.streams
            ]
            return tf.concat(draws, axis=-1)

        size, kernels = self.ensemble_size, sum(self.streams)
        self.kernel = self.add_weight("kernel", (size, 3, 3, shape[-1], kernels), initializer=glorot_uniform)
        self.bias = self.add_weight("bias", (size, kernels), initializer="zeros")

    def call(self, inputs):  # noqa: D102
        kernel = tf.transpose(self.kernel, [1, 2, 3, 0, 4])
        kernel = tf.reshape(kernel, [*kernel.shape[:3], self.ensemble_size * kernel.shape[-1]])
        convolved = tf.nn.conv2d(inputs, kernel, 1, "SAME") + tf.reshape(self.bias, [-1])
        pooled = tf.nn.max_pool2d(tf.nn.relu(convolved), 3, 3, "SAME")
        return tf.reshape(pooled, [-1, *pooled.shape[1:3], self.ensemble_size, sum(self.streams)])

    def get_config(self):  # noqa: D102
        return super().get_config() | {"ensemble_size": self.ensemble_size, "streams": self.streams}


@keras.saving.register_keras_serializable("faceflow")
class EnsembleDense(keras.layers.Layer):
    """Dense layer of each member of an ensemble, applied to the member's own input.

    Args:
        units: Number of outputs of each member.
        activation: Activation, as in `keras.layers.Dense`.

    Input shape:
        float32 [B, ensemble_size, D].

    Output shape:
        float32 [B, ensemble_size, units].

    Examples:
        >>> EnsembleDense(3)(np.zeros((4, 2, 400), np.float32)).shape
        TensorShape([4, 2, 3])
    """

    def __init__(self, units: int, activation: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, activation

    def build(self, shape):  # noqa: D102
        _, ensemble_size, inputs = shape
        limit = (6 / (inputs + self.units)) ** 0.5  # Glorot's, of one member
        uniform = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight("kernel", (ensemble_size, inputs, self.units), initializer=uniform)
        self.bias = self.add_weight("bias", (ensemble_size, self.units), initializer="zeros")

    def call(self, inputs):  # noqa: D102
        outputs = tf.einsum("bci,cio->bco", inputs, self.kernel) + self.bias
        return keras.activations.get(self.activation)(outputs)

    def get_config(self):  # noqa: D102
        return super().get_config() | {"units": self.units, "activation": self.activation}
