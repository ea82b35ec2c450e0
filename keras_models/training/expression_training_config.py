"""The configuration of a classifier's training, apart from the code: `--help` need not load TensorFlow."""

import math
from dataclasses import dataclass
from typing import Literal

from pipelines.errors import InputError


@dataclass(frozen=True)
class ExpressionConfig:
    """How a classifier of expressions is trained.

    Attributes:
        network: `mirror_net`, ours, or `ststnet`; as published, that is trained for 500 epochs in batches of
            256 with a learning rate of 5e-5, without decay (Liong et al. 2019).
        epochs: passes over the training samples; fixed before anything is tested.
        batch: samples in a step.
        learning_rate: of Adam.
        weight_decay: of Adam, decoupled.
        balance: weigh samples so that all classes of the training subjects count alike.
        choose_epoch: keep the epoch that is best for one subject taken from those to train on, who then only
            validates; without it the last epoch is kept.
        seed: of weights, order and dropout.
    """

    network: Literal["mirror_net", "ststnet"] = "mirror_net"
    epochs: int = 60
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    balance: bool = True
    choose_epoch: bool = False
    seed: int = 0

    def check(self) -> None:
        """Raise `InputError` for a setting that is out of its range."""
        sound = {
            "epochs": self.epochs >= 1,
            "batch": self.batch >= 1,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "seed": self.seed >= 0,
        }
        for name, is_sound in sound.items():
            if not is_sound:
                raise InputError(f"{name} {getattr(self, name)}: out of its range (see --help)")
