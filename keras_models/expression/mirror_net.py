"""MirrorNet: a small head that looks at a face and at its mirror image.

Hundreds of samples are few for a network that must learn by itself that an expression and its mirror image
mean the same. This one cannot tell them apart. It sees u, v and strain in 14 x 14 regions, which faces that
are aligned fill alike, and has no convolution: where a face moves is what matters, and it lies where it lies.
"""

import keras
import tensorflow as tf
from keras import layers

from keras_models.layers.ensemble import CopiedDense
from pipelines.micro_expressions.features import SIZE

_REGION = 2  # cells
_HIDDEN = 32
_DROPOUT = (0.3, 0.5)  # of what is seen, and of hidden units


def mirror_net(copies: int = 1, classes: int = 3) -> keras.Model:
    """Build MirrorNet: 18,947 weights a copy for three classes.

    Args:
        copies: independent networks in one model (`keras_models.layers.ensemble`).
        classes: to tell apart.

    Returns:
        A model from `features`, float32 [B, 28, 28, 3], to logits, float32 [B, copies, classes].
    """
    features = keras.Input((SIZE, SIZE, 3), name="features")
    regions = layers.AveragePooling2D(_REGION)(features)
    hidden = [CopiedDense(_HIDDEN, "relu"), layers.Dropout(_DROPOUT[1]), CopiedDense(classes)]
    answers = []
    for seen in (regions, Mirror()(regions)):
        answer = layers.Dropout(_DROPOUT[0])(layers.RepeatVector(copies)(layers.Flatten()(seen)))
        for layer in hidden:
            answer = layer(answer)
        answers.append(answer)
    return keras.Model(features, layers.Average()(answers), name="mirror_net")


class Mirror(layers.Layer):
    """The features of the face in a mirror: left is right, and so is the horizontal flow's sign."""

    def call(self, features):  # noqa: D102
        return tf.reverse(features, [2]) * [-1.0, 1.0, 1.0]
