"""Dense layer whose members all see the same input: the first layer of an ensemble."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("faceflow")
class SharedInputDense(keras.layers.Layer):
    """Dense layer of each member of an ensemble, applied to an input that all members share.

    The same as `EnsembleDense` on the input repeated for each member, as one product of two matrices.

    Args:
        ensemble_size: Number of members.
        units: Number of outputs of each member.
        activation: Activation, as in `keras.layers.Dense`.

    Input shape:
        float32 [B, D].

    Output shape:
        float32 [B, ensemble_size, units].

    Examples:
        >>> SharedInputDense(ensemble_size=2, units=3)(np.zeros((4, 400), np.float32)).shape
        TensorShape([4, 2, 3])
    """

    def __init__(self, ensemble_size: int, units: int, activation: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.ensemble_size, self.units, self.activation = ensemble_size, units, activation

    def build(self, shape):  # noqa: D102
        limit = (6 / (shape[-1] + self.units)) ** 0.5  # Glorot's, of one member
        uniform = keras.initializers.RandomUniform(-limit, limit)
        size = self.ensemble_size
        self.kernel = self.add_weight("kernel", (size, shape[-1], self.units), initializer=uniform)
        self.bias = self.add_weight("bias", (size, self.units), initializer="zeros")

    def call(self, inputs):  # noqa: D102
        outputs = tf.einsum("bi,cio->bco", inputs, self.kernel) + self.bias
        return keras.activations.get(self.activation)(outputs)

    def get_config(self):  # noqa: D102
        own = {
            "ensemble_size": self.ensemble_size,
            "units": self.units,
            "activation": self.activation,
        }
        return super().get_config() | own
