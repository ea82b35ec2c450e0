"""A flow network with its loss and metrics, ready for `compile` and `fit`."""

import keras
import tensorflow as tf

from keras_models.losses import multi_scale_epe
from keras_models.metrics import flow_metrics


class FlowTrainer(keras.Model):
    """Trains a flow network on batches of `pipelines.inputs.flow_batches`.

    The loss needs more than one (truth, prediction) pair (every level, the validity, and for photometric
    terms the frames), so it is computed here and not by a loss handed to `compile`.

    Args:
        network: a functional model with the outputs of `keras_models.networks`.
    """

    def __init__(self, network: keras.Model):
        super().__init__()
        self.network = network
        self._loss = keras.metrics.Mean("loss")
        self._flow_metrics = flow_metrics()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Loss, `epe`, `aae`, `within_1px`."""
        return [self._loss, *self._flow_metrics]

    def call(self, frames: dict[str, tf.Tensor], training: bool | None = None) -> dict[str, tf.Tensor]:
        """Run the network."""
        return self.network(frames, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None) -> tf.Tensor:
        """Multi-scale end-point error over the valid pixels, and the network's own regularisation."""
        levels = {name: flow for name, flow in y_pred.items() if name != "flow"}
        loss = multi_scale_epe(levels, y["flow"], y["valid"])
        if self.network.losses:
            loss += tf.add_n(self.network.losses)
        self._loss.update_state(loss)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight) -> dict[str, tf.Tensor]:
        """Errors of the full-resolution flow over the valid pixels."""
        for metric in self._flow_metrics:
            metric.update_state(y["flow"], y_pred["flow"], y["valid"])
        return self.get_metrics_result()
