"""The class of all flow networks: a functional model that also knows the loss weights of its estimates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import keras
import tensorflow as tf

#: Layer of a network that estimates its error: its output, linear in its weights, is the log of the
#: uncertainty in pixels, before it is enlarged to the size of the frames.
UNCERTAINTY_LAYER = "uncertainty1"

GAMMA = 0.6  # weight of a flow update in the loss, relative to the next one


def weights_of_updates(
    earlier: Mapping[str, float], num_coarse_flow_updates: int, num_flow_updates: int
) -> dict[str, float]:
    """Return the weights in the loss of a network with flow updates, which increase from update to update.

    Args:
        earlier: Weights of the estimates before the updates, by name; the updates share the rest to 1.
        num_coarse_flow_updates: Number of updates on frames of half the size, named `flow2_1` and so on.
        num_flow_updates: Number of updates at full size, named `flow1_1` and so on, the last `flow1`.

    References:
        Teed, Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020, equation 7.

    Examples:
        >>> {name: round(weight, 3) for name, weight in weights_of_updates({"flow2": 0.2}, 1, 1).items()}
        {'flow2': 0.2, 'flow2_1': 0.3, 'flow1': 0.5}
    """
    names = [f"flow2_{k}" for k in range(1, num_coarse_flow_updates + 1)]
    names += [*(f"flow1_{k}" for k in range(1, num_flow_updates)), "flow1"]
    powers = [GAMMA ** (len(names) - k) for k in range(1, len(names) + 1)]
    rest = 1 - sum(earlier.values())
    return dict(earlier) | {
        name: rest * power / sum(powers) for name, power in zip(names, powers, strict=True)
    }


@keras.saving.register_keras_serializable("faceflow")
class FlowModel(keras.Model):
    """Functional model from two frames to flow, saved and loaded by Keras with all that training needs.

    Args:
        inputs: Inputs, as `keras.Model` takes them.
        outputs: Estimates of the flow by name.
        name: Name of the model.
        trainable: Whether the weights are trained.
        level_weights: Weight of each estimate in the loss, by name.

    Attributes:
        level_weights: As above; read-only.

    Examples:
        >>> from keras_models.flow.flow_networks import build_network
        >>> network = build_network("flownet_s", width=0.125)
        >>> network.save("network.keras")
        >>> keras.saving.load_model("network.keras").level_weights == network.level_weights
        True
    """

    # By these positional arguments Keras recognises a functional model, whose graph is its configuration.
    def __init__(
        self,
        inputs,
        outputs,
        name: str | None = None,
        trainable: bool = True,
        *,
        level_weights: Mapping[str, float] | None = None,
    ):
        super().__init__(inputs, outputs, name=name, trainable=trainable)
        # Read-only, because Keras would track a plain dict as part of the model's state.
        self.level_weights = MappingProxyType(dict(level_weights or {}))

    # Our layers hold no Python conditions on tensors. AutoGraph would rewrite them all the same, which takes
    # half of the time in which the first network of a process is built.
    @tf.autograph.experimental.do_not_convert
    def call(self, inputs, training=None, mask=None):  # noqa: D102
        return super().call(inputs, training=training, mask=mask)

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"level_weights": dict(self.level_weights)}

    @classmethod
    @tf.autograph.experimental.do_not_convert
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> FlowModel:  # noqa: D102
        config = dict(config)
        level_weights = config.pop("level_weights")
        network = super().from_config(config, custom_objects)
        network.level_weights = MappingProxyType(level_weights)
        return network
