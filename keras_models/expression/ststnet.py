"""STSTNet: three shallow streams over u, v and optical strain.

Reference:
    Liong, Gan, See, Khor, Huang, "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression
    Recognition", FG 2019.
"""

import keras
from keras import layers

from keras_models.layers.ensemble import CopiedConvPool, CopiedDense
from pipelines.micro_expressions.features import SIZE

_STREAMS = (3, 5, 8)  # kernels of each


def ststnet(copies: int = 1, classes: int = 3) -> keras.Model:
    """Build STSTNet: 1,651 weights a copy for three classes.

    Args:
        copies: independent networks in one model (`keras_models.layers.ensemble`).
        classes: to tell apart.

    Returns:
        A model from `features`, float32 [B, 28, 28, 3], to logits, float32 [B, copies, classes].
    """
    features = keras.Input((SIZE, SIZE, 3), name="features")
    streams = CopiedConvPool(copies, _STREAMS)(features)
    kernels = sum(_STREAMS)
    rows, columns = streams.shape[1:3]
    flat = layers.Reshape((rows, columns, copies * kernels))(streams)
    pooled = layers.AveragePooling2D(2)(flat)
    apart = layers.Reshape((rows // 2 * (columns // 2), copies, kernels))(pooled)
    each = layers.Reshape((copies, -1))(layers.Permute((2, 1, 3))(apart))
    return keras.Model(features, CopiedDense(classes)(each), name="ststnet")
