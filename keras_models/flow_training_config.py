"""The configuration of flow training, apart from the code so that `--help` need not load TensorFlow."""

import math
from dataclasses import dataclass
from typing import Literal

from pipelines.errors import InputError

_RANGES = {
    "width": "must be more than 0",
    "size": "must be a multiple of 64, because the network halves crops six times",
    "batch": "must be at least 1",
    "epochs": "must be at least 1",
    "minutes": "must be more than 0",
    "learning_rate": "must be more than 0",
    "margin": "must be at least 0",
    "validation_share": "must be at least 0 and less than 1",
    "seed": "must be at least 0",
}


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

    def check(self) -> None:
        """Raise `InputError` for a setting that is out of its range."""
        sound = {
            "width": self.width > 0,
            "size": self.size > 0 and self.size % 64 == 0,
            "batch": self.batch > 0,
            "epochs": self.epochs > 0,
            "minutes": self.minutes is None or self.minutes > 0,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "margin": 0 <= self.margin < math.inf,
            "validation_share": 0 <= self.validation_share < 1,
            "seed": self.seed >= 0,
        }
        for name, is_sound in sound.items():
            if not is_sound:  # NaN is on no side of any bound
                raise InputError(f"{name} {getattr(self, name)}: {_RANGES[name]}")
