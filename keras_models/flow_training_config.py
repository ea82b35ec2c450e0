"""The configuration of flow training, apart from the code so that `--help` need not load TensorFlow."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FlowTrainingConfig:
    """How a flow network is trained.

    Attributes:
        network: a key of `keras_models.networks.NETWORKS`.
        width: factor on the network's number of channels; 1 is the original.
        size: width and height of the face crops in pixels, a multiple of 64.
        batch: pairs in a step.
        epochs: passes over the training subjects.
        minutes: stop after the epoch in which this much time has passed, whatever `epochs` says.
        learning_rate: of Adam at the start; it falls along a cosine to 0 at the last epoch.
        label: label method for pairs without a dense flow of their own.
        margin: space around the face in a crop, as a share of its size.
        validation_share: share of the subjects that only validate; 0 for none.
        precision: `auto` is `mixed_float16` on a GPU and `float32` on a CPU.
        seed: of weights, splits and order.
    """

    network: str = "flownet_s"
    width: float = 0.5
    size: int = 192
    batch: int = 8
    epochs: int = 30
    minutes: float | None = None
    learning_rate: float = 1e-4
    label: str = "mesh"
    margin: float = 0.15
    validation_share: float = 0.2
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    seed: int = 0
