"""The configuration of flow training, apart from the code so that `--help` need not load TensorFlow."""

import math
from dataclasses import dataclass, field
from typing import Literal

from pipelines.errors import InputError
from pipelines.training_data.augmentation_config import Augmentation

_RANGES = {
    "width": "must be more than 0",
    "refinements": "must be at least 1",
    "coarse_refinements": "must be at least 0",
    "looks": "must be at least 1",
    "background": "must be at least 0",
    "size": "must be at least 16",
    "batch": "must be at least 1",
    "epochs": "must be at least 1",
    "epoch_steps": "must be at least 1",
    "minutes": "must be more than 0",
    "learning_rate": "must be more than 0",
    "warmup": "must be at least 0",
    "weight_decay": "must be at least 0",
    "clip_norm": "must be more than 0",
    "averaging": "must be at least 0 and less than 1",
    "margin": "must be at least 0",
    "validation_share": "must be at least 0 and less than 1",
    "seed": "must be at least 0",
}


#: Settings that some networks have and others lack; None leaves them as the network has them.
OF_SOME_NETWORKS = ("refinements", "coarse_refinements", "looks")


@dataclass(frozen=True)
class FlowTrainingConfig:
    """How a flow network is trained.

    Attributes:
        network: a key of `keras_models.flow.flow_networks.NETWORKS`.
        width: factor on the network's number of channels.
        refinements: of pyramid_flow alone, how often its last step is repeated; by default as often as the
            network says, or as where it starts from.
        coarse_refinements: the same for the repetitions at half of the resolution.
        looks: the same of flownet_s: how often it looks at the frames, warped by what it knows.
        loss: a key of `keras_models.losses.loss_mixes.MIXES`.
        background: how much a pixel counts that does not show the face in both frames; others count 1.
        size: width and height of the face crops in pixels: a multiple of 16 for pyramid_flow, of 64 for the
            FlowNets, because they halve crops four and six times.
        batch: pairs in a step, over all devices.
        epochs: how often to validate, save and go on.
        epoch_steps: steps of an epoch; one pass over the training subjects by default.
        minutes: stop after the epoch in which this much time has passed, whatever `epochs` says.
        learning_rate: of AdamW, after warming up; it falls along a cosine to 0 at the last step.
        warmup: steps over which the learning rate rises from 0.
        weight_decay: of AdamW.
        clip_norm: longest gradient over all weights; longer ones are shortened to it.
        averaging: share of the old value in the moving average of the weights that is validated and kept; 0
            keeps the weights themselves.
        label: label method for pairs without a dense flow of their own; `synthesised` makes frame 2 of every
            pair anew from frame 1 and its flow.
        margin: space around the face in a crop, as a share of its size.
        augment: whether training pairs are changed.
        augmentation: how much.
        validation_share: share of the subjects that only validate; 0 for none.
        precision: `auto` is `mixed_float16` on a GPU, `mixed_bfloat16` on a CPU that computes in it
            (AVX512-BF16, AMX), and `float32` otherwise.
        jit: compile steps with XLA, where the network has operations that it knows.
        seed: of weights, splits, order and augmentation.
    """

    network: str = "pyramid_flow"
    width: float = 1.0
    refinements: int | None = None
    coarse_refinements: int | None = None
    looks: int | None = None
    loss: str = "epe"
    background: float = 0.1
    size: int = 192
    batch: int = 8
    epochs: int = 30
    epoch_steps: int | None = None
    minutes: float | None = None
    learning_rate: float = 4e-4
    warmup: int = 200
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    averaging: float = 0.99
    label: str = "mesh"
    margin: float = 0.15
    augment: bool = True
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation_share: float = 0.2
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    jit: bool = False
    seed: int = 0

    def check(self) -> None:
        """Raise `InputError` for a setting that is out of its range."""
        sound = {
            "width": self.width > 0,
            "refinements": self.refinements is None or self.refinements > 0,
            "coarse_refinements": self.coarse_refinements is None or self.coarse_refinements >= 0,
            "looks": self.looks is None or self.looks > 0,
            "background": 0 <= self.background < math.inf,
            "size": self.size >= 16,
            "batch": self.batch > 0,
            "epochs": self.epochs > 0,
            "epoch_steps": self.epoch_steps is None or self.epoch_steps > 0,
            "minutes": self.minutes is None or self.minutes > 0,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "warmup": self.warmup >= 0,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "clip_norm": self.clip_norm > 0,
            "averaging": 0 <= self.averaging < 1,
            "margin": 0 <= self.margin < math.inf,
            "validation_share": 0 <= self.validation_share < 1,
            "seed": self.seed >= 0,
        }
        for name, is_sound in sound.items():
            if not is_sound:  # NaN is on no side of any bound
                raise InputError(f"{name} {getattr(self, name)}: {_RANGES[name]}")
