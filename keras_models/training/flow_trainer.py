"""A flow network with its loss and metrics, for `compile` and `fit`."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_models.losses.flow_losses import (
    angular_error,
    end_point_error,
    masked_mean,
    multi_scale_epe,
    photometric_error,
    smoothness,
    uncertainty_loss,
)
from keras_models.losses.flow_metrics import flow_metrics
from keras_models.losses.loss_mixes import find_mix, paper_weights

# Only the layers that estimate the uncertainty learn from that term, so it does not compete with the others.
_UNCERTAINTY_WEIGHT = 0.05


@keras.saving.register_keras_serializable("faceflow")
class FlowTrainer(keras.Model):
    """Model that trains a flow network on batches of `pipelines.training_data.input_pipeline.flow_batches`.

    The loss needs more than one (truth, prediction) pair: all estimates, the validity, and for photometric
    terms the frames. So it is computed here, and not by a loss handed to `compile`.

    Args:
        network: Network, as `keras_models.flow.flow_networks.build_network` makes it.
        loss: Loss, a key of `keras_models.losses.loss_mixes.MIXES`.
        background_weight: Weight in the loss of pixels that are not `face` in the batch; those that are have
            the weight 1.

    Attributes:
        on_bad_loss: Function called with (loss, inputs, targets) as arrays, within the step, when a loss is
            not finite; set by `NanGuard`. Not called in steps that XLA compiles.

    Raises:
        InputError: If the loss is unknown.

    Examples:
        >>> from keras_models.flow.flow_networks import build_network
        >>> trainer = FlowTrainer(build_network("flownet_s", width=0.125), loss="robust")
        >>> trainer.compile("adam")
        >>> frames = {name: np.zeros((1, 64, 64, 3), np.float32) for name in ("frame1", "frame2")}
        >>> everywhere = np.ones((1, 64, 64), bool)
        >>> targets = {"flow": np.ones((1, 64, 64, 2), np.float32), "valid": everywhere, "face": everywhere}
        >>> history = trainer.fit(frames, targets, verbose=0)
        >>> sorted(history.history)
        ['aae', 'epe', 'loss', 'within_1px']
    """

    def __init__(self, network: keras.Model, loss: str = "epe", background_weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.on_bad_loss: Callable | None = None
        self._loss_name, self._mix, self._background_weight = loss, find_mix(loss), background_weight
        self._loss = keras.metrics.Mean("loss")
        self._flow_metrics = flow_metrics()

    def get_config(self) -> dict:  # noqa: D102
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
            "loss": self._loss_name,
            "background_weight": self._background_weight,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> FlowTrainer:  # noqa: D102
        network = keras.saving.deserialize_keras_object(config["network"], custom_objects)
        return cls(**config | {"network": network})

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics `loss`, `epe`, `aae` and `within_1px`."""
        return [self._loss, *self._flow_metrics]

    def call(self, frames: dict[str, tf.Tensor], training: bool | None = None) -> dict[str, tf.Tensor]:
        """Return the estimates of the network."""
        return self.network(frames, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None) -> tf.Tensor:
        """Return the weighted sum of the loss terms over valid pixels, plus the network's regularisation.

        It is divided by the number of replicas: gradients of all replicas, with equally many pairs each, add
        up to that of the whole batch.
        """
        mix, flow, valid = self._mix, y_pred["flow"], y["valid"]
        counted = tf.where(y["face"], 1.0, self._background_weight) * tf.cast(valid, tf.float32)
        levels = {name: y_pred[name] for name in self.network.level_weights}
        weights = paper_weights(levels) if mix.paper_levels else self.network.level_weights
        loss = mix.epe * multi_scale_epe(levels, y["flow"], counted, weights, mix.exponent)
        if mix.photometric:
            loss += mix.photometric * photometric_error(x["frame1"], x["frame2"], flow, counted)
        if mix.angular:
            radians = angular_error(y["flow"], flow) * (math.pi / 180)
            loss += mix.angular * masked_mean(radians, counted)
        if mix.smoothness:
            loss += mix.smoothness * smoothness(flow, x["frame1"], valid)
        if "uncertainty" in y_pred:
            error = end_point_error(y["flow"], flow)
            loss += _UNCERTAINTY_WEIGHT * uncertainty_loss(error, y_pred["uncertainty"][..., 0], valid)
        if self.network.losses:
            loss += tf.add_n(self.network.losses)
        # Pairs that fill up a batch have no valid pixel, and do not count; the last batch may be a short one.
        counts = tf.cast(tf.reduce_any(valid, axis=[1, 2]), tf.float32)
        mean = tf.math.divide_no_nan(loss, tf.reduce_mean(counts))
        self._loss.update_state(mean, tf.reduce_sum(counts))
        if self.on_bad_loss and not self.jit_compile:
            _call_if_bad(self.on_bad_loss, loss, x, y)
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def compute_metrics(self, x, y, y_pred, sample_weight) -> dict[str, tf.Tensor]:
        """Update and return the errors of the full-resolution flow over the valid pixels of the face."""
        for metric in self._flow_metrics:
            metric.update_state(y["flow"], y_pred["flow"], y["valid"] & y["face"])
        return self.get_metrics_result()


def _call_if_bad(function: Callable, loss: tf.Tensor, inputs: dict, targets: dict) -> None:
    """Call a function with the batch if its loss is not finite; otherwise nothing leaves the device."""

    def hand_over() -> tf.Tensor:
        def call(loss, *arrays):
            arrays = iter(arrays)
            function(loss, *({name: next(arrays) for name in part} for part in (inputs, targets)))
            return False

        return tf.numpy_function(call, [loss, *inputs.values(), *targets.values()], tf.bool)

    tf.cond(tf.math.is_finite(loss), lambda: True, hand_over)
