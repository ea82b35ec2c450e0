"""Keras metrics of flow, over the valid pixels of everything seen. They call the functions in `losses`."""

from collections.abc import Callable

import keras
import tensorflow as tf

from keras_models.losses.flow_losses import angular_error, end_point_error


class MaskedFlowMean(keras.metrics.Mean):
    """Mean of a per-pixel quantity over valid pixels.

    Args:
        quantity: (true flow, predicted flow), both float32 [B, H, W, 2] -> float32 [B, H, W].
        name: of the metric.
    """

    def __init__(self, quantity: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], name: str):
        super().__init__(name)
        self._quantity = quantity

    def update_state(self, true: tf.Tensor, predicted: tf.Tensor, valid: tf.Tensor):
        """Add a batch: flows float32 [B, H, W, 2] in pixels, valid bool [B, H, W]."""
        return super().update_state(self._quantity(true, predicted), tf.cast(valid, tf.float32))


def flow_metrics() -> list[MaskedFlowMean]:
    """Return the usual ones: `epe` in pixels, `aae` in degrees, `within_1px` as a share of good pixels."""

    def within_1px(true: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
        return tf.cast(end_point_error(true, predicted) < 1.0, tf.float32)

    quantities = {"epe": end_point_error, "aae": angular_error, "within_1px": within_1px}
    return [MaskedFlowMean(quantity, name) for name, quantity in quantities.items()]
