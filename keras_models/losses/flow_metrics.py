"""Keras metrics of flow. They compute the functions of `flow_losses`."""

import keras
import tensorflow as tf

from keras_models.losses.flow_losses import angular_error, end_point_error


@keras.saving.register_keras_serializable("faceflow")
def within_1px(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """Whether the end-point error of each pixel is below 1 px, as 1.0 or 0.0.

    Args:
        true: float32 [..., 2], pixels.
        predicted: float32 [..., 2], pixels.

    Returns:
        float32 [...].

    Example:
        >>> within_1px(np.zeros((2, 2)), np.array([[0.6, 0.6], [0.8, 0.8]])).numpy().tolist()
        [1.0, 0.0]
    """
    return tf.cast(end_point_error(true, predicted) < 1.0, tf.float32)


def flow_metrics() -> list[keras.metrics.Metric]:
    """Return new metrics: `epe` in pixels, `aae` in degrees, and `within_1px`, a share of pixels.

    Each is updated by (true, predicted, sample_weight): flows, float32 [B, H, W, 2] in pixels, and the
    validity of the pixels, bool [B, H, W]. The result is the mean over all valid pixels so far.

    Example:
        >>> epe = flow_metrics()[0]
        >>> epe.update_state(np.zeros((1, 2, 2, 2)), np.full((1, 2, 2, 2), [3, 4]), np.ones((1, 2, 2), bool))
        >>> float(epe.result())
        5.0
    """
    functions = {"epe": end_point_error, "aae": angular_error, "within_1px": within_1px}
    return [keras.metrics.MeanMetricWrapper(function, name) for name, function in functions.items()]
