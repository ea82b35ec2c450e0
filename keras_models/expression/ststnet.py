"""STSTNet: three shallow streams over u, v and optical strain.

Reference:
    Liong, Gan, See, Khor, Huang, "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression
    Recognition", FG 2019.
"""

import keras
from keras import layers

from keras_models.layers.ensemble import EnsembleConvPool, EnsembleDense
from pipelines.micro_expressions.features import SIZE

_STREAMS = (3, 5, 8)  # kernels of each stream


def ststnet(ensemble_size: int = 1, classes: int = 3) -> keras.Model:
    """Build STSTNet: 1,651 weights per member for three classes.

    Args:
        ensemble_size: Number of independent networks in the model (`keras_models.layers.ensemble`).
        classes: Number of classes.

    Returns:
        A model from `features`, float32 [B, 28, 28, 3], to logits, float32 [B, ensemble_size, classes].

    Examples:
        >>> ststnet()(np.zeros((4, 28, 28, 3), np.float32)).shape
        TensorShape([4, 1, 3])
    """
    features = keras.Input((SIZE, SIZE, 3), name="features")
    streams = EnsembleConvPool(ensemble_size, _STREAMS)(features)
    kernels = sum(_STREAMS)
    rows, columns = streams.shape[1:3]
    flat = layers.Reshape((rows, columns, ensemble_size * kernels))(streams)
    pooled = layers.AveragePooling2D(2)(flat)
    apart = layers.Reshape((rows // 2 * (columns // 2), ensemble_size, kernels))(pooled)
    each = layers.Reshape((ensemble_size, -1))(layers.Permute((2, 1, 3))(apart))
    return keras.Model(features, EnsembleDense(classes)(each), name="ststnet")
