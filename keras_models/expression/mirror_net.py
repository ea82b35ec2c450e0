"""MirrorNet: a small classifier whose answer is the same for a face and its mirror image.

Hundreds of samples are few for a network that must learn by itself that an expression and its mirror image
mean the same. This one is invariant to mirroring by construction. It sees u, v and strain averaged over 14 x
14 regions, in which aligned faces have their features at the same places, and has no convolution: it matters
where a face moves.
"""

import keras
import tensorflow as tf
from keras import layers

from keras_models.layers.ensemble import EnsembleDense
from keras_models.layers.shared_input_dense import SharedInputDense
from pipelines.micro_expressions.features import SIZE

_REGION = 2  # cells
_HIDDEN = 32
_DROPOUT = (0.3, 0.5)  # of the input, and of hidden units


def mirror_net(ensemble_size: int = 1, classes: int = 3) -> keras.Model:
    """Build MirrorNet: 18,947 weights per member for three classes.

    Args:
        ensemble_size: Number of independent networks in the model (`keras_models.layers.ensemble`).
        classes: Number of classes.

    Returns:
        A model from `features`, float32 [B, 28, 28, 3], to logits, float32 [B, ensemble_size, classes].

    Examples:
        >>> mirror_net()(np.zeros((4, 28, 28, 3), np.float32)).shape
        TensorShape([4, 1, 3])
    """
    features = keras.Input((SIZE, SIZE, 3), name="features")
    regions = layers.AveragePooling2D(_REGION)(features)
    # All members drop the same inputs: each is trained as if alone, and one product of matrices serves all.
    hidden = [
        SharedInputDense(ensemble_size, _HIDDEN, "relu"),
        layers.Dropout(_DROPOUT[1]),
        EnsembleDense(classes),
    ]
    logits = []
    for seen in (regions, Mirror()(regions)):
        x = layers.Dropout(_DROPOUT[0])(layers.Flatten()(seen))
        for layer in hidden:
            x = layer(x)
        logits.append(x)
    return keras.Model(features, layers.Average()(logits), name="mirror_net")


@keras.saving.register_keras_serializable("faceflow")
class Mirror(layers.Layer):
    """Features of the mirrored face: left and right are exchanged, and the horizontal flow changes its sign.

    Input and output shape:
        float32 [B, H, W, 3]: u, v and strain.

    Examples:
        >>> Mirror()(np.float32([[[[1, 2, 3], [4, 5, 6]]]])).numpy().tolist()
        [[[[-4.0, 5.0, 6.0], [-1.0, 2.0, 3.0]]]]
    """

    def call(self, features):  # noqa: D102
        return tf.reverse(features, [2]) * [-1.0, 1.0, 1.0]
