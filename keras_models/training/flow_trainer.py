"""A flow network with its loss and metrics, ready for `compile` and `fit`."""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_models.losses.flow_losses import (
    angular_error,
    masked_mean,
    multi_scale_epe,
    photometric_error,
    smoothness,
)
from keras_models.losses.flow_metrics import flow_metrics
from keras_models.losses.loss_mixes import find_mix, paper_weights


class FlowTrainer(keras.Model):
    """Trains a flow network on batches of `pipelines.training_data.input_pipeline.flow_batches`.

    The loss needs more than one (truth, prediction) pair (every level, the validity, and for photometric
    terms the frames), so it is computed here and not by a loss handed to `compile`.

    Args:
        network: of `keras_models.flow.flow_networks.build_network`.
        loss: a key of `keras_models.losses.loss_mixes.MIXES`.
        background: how much a pixel counts in the loss that is not `face` in the batch.

    Attributes:
        on_bad_loss: called with (loss, inputs, targets) as arrays, within the step, when a loss is not
            finite; `NanGuard` sets it. Not in steps that XLA compiles, which cannot call back.

    Raises:
        InputError: for an unknown loss.
    """

    def __init__(self, network: keras.Model, loss: str = "epe", background: float = 1.0):
        super().__init__()
        self.network = network
        self.on_bad_loss: Callable | None = None
        self._mix, self._background = find_mix(loss), background
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
        """Weighted sum of the mix over valid pixels, most of all the face, and the network's regularisation.

        What comes back is the share of this replica: the gradients of all replicas, each with as many pairs,
        add up to those of the whole batch.
        """
        mix, flow, valid = self._mix, y_pred["flow"], y["valid"]
        counted = tf.where(y["face"], 1.0, self._background) * tf.cast(valid, tf.float32)
        levels = {name: estimate for name, estimate in y_pred.items() if name != "flow"}
        weights = paper_weights(levels) if mix.paper_levels else self.network.level_weights
        loss = mix.epe * multi_scale_epe(levels, y["flow"], counted, weights, mix.exponent)
        if mix.photometric:
            loss += mix.photometric * photometric_error(x["frame1"], x["frame2"], flow, counted)
        if mix.angular:
            radians = angular_error(y["flow"], flow) * (math.pi / 180)
            loss += mix.angular * masked_mean(radians, counted)
        if mix.smoothness:
            loss += mix.smoothness * smoothness(flow, x["frame1"], valid)
        if self.network.losses:
            loss += tf.add_n(self.network.losses)
        self._loss.update_state(loss)
        if self.on_bad_loss and not self.jit_compile:
            _call_if_bad(self.on_bad_loss, loss, x, y)
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def compute_metrics(self, x, y, y_pred, sample_weight) -> dict[str, tf.Tensor]:
        """Errors of the full-resolution flow over the valid pixels of the face."""
        for metric in self._flow_metrics:
            metric.update_state(y["flow"], y_pred["flow"], y["valid"] & y["face"])
        return self.get_metrics_result()


def _call_if_bad(function: Callable, loss: tf.Tensor, inputs: dict, targets: dict) -> None:
    """Hand a batch over to Python if its loss is not finite; otherwise nothing leaves the device."""

    def hand_over() -> tf.Tensor:
        def call(loss, *arrays):
            arrays = iter(arrays)
            function(loss, *({name: next(arrays) for name in part} for part in (inputs, targets)))
            return False

        return tf.numpy_function(call, [loss, *inputs.values(), *targets.values()], tf.bool)

    tf.cond(tf.math.is_finite(loss), lambda: True, hand_over)
