"""Keras metrics of flow. They compute the functions of `flow_losses`.

Each is updated by (true, predicted, sample_weight): flows, float32 [B, H, W, 2] in pixels, and the validity
of the pixels, bool [B, H, W]. The result is the mean over all valid pixels so far.
"""

import keras
import tensorflow as tf

from keras_models.losses.flow_losses import angular_error, end_point_error


@keras.saving.register_keras_serializable("faceflow")
class EndPointError(keras.metrics.MeanMetricWrapper):
    """Mean end-point error in pixels.

    Args:
        name: Name of the metric.
        dtype: Type of the result.

    Examples:
        >>> metric = EndPointError()
        >>> true, predicted = np.zeros((1, 2, 2, 2)), np.full((1, 2, 2, 2), [3, 4])
        >>> _ = metric.update_state(true, predicted, np.ones((1, 2, 2), bool))
        >>> float(metric.result())
        5.0
    """

    def __init__(self, name: str = "epe", dtype: str | None = None):
        super().__init__(end_point_error, name, dtype)


@keras.saving.register_keras_serializable("faceflow")
class AngularError(keras.metrics.MeanMetricWrapper):
    """Mean angular error in degrees.

    Args:
        name: Name of the metric.
        dtype: Type of the result.
    """

    def __init__(self, name: str = "aae", dtype: str | None = None):
        super().__init__(angular_error, name, dtype)


@keras.saving.register_keras_serializable("faceflow")
class Within1Px(keras.metrics.MeanMetricWrapper):
    """Share of pixels whose end-point error is below 1 px.

    Args:
        name: Name of the metric.
        dtype: Type of the result.
    """

    def __init__(self, name: str = "within_1px", dtype: str | None = None):
        super().__init__(_is_within_1px, name, dtype)


def _is_within_1px(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    return tf.cast(end_point_error(true, predicted) < 1.0, tf.float32)


def flow_metrics() -> list[keras.metrics.Metric]:
    """Return new metrics `epe`, `aae` and `within_1px`."""
    return [EndPointError(), AngularError(), Within1Px()]
