"""The configuration of flow training, apart from the code so that `--help` need not load TensorFlow."""

from dataclasses import field
from typing import Literal

from pipelines.settings import number, settings
from pipelines.training_data.augmentation_config import Augmentation

#: Settings that are arguments of some networks only; None leaves them to the network.
NETWORK_ARGUMENTS = ("num_flow_updates", "num_coarse_flow_updates")


@settings
class FlowTrainingConfig:
    """How a flow network is trained.

    Attributes:
        network: Network: pyramid_flow, block_flow, flownet_s, flownet_c or face_flownet.
        width: Factor on the network's number of channels.
        num_flow_updates: Number of flow updates at full resolution of pyramid_flow and block_flow, or of
            flownet_s; the network's own by default, or that of `init_from`.
        num_coarse_flow_updates: Number of flow updates at half of the resolution of pyramid_flow and
            block_flow, before those at full resolution.
        loss: Loss: epe, robust, or an experiment of the paper: exp1, exp2i, exp2ii, exp3i, exp3ii.
        layers: Layers that are trained: all, or uncertainty, those that estimate the error of the flow. The
            flow then stays that of `init_from`.
        background_weight: Weight in the loss of pixels that do not show the face in both frames; those that
            do have the weight 1.
        size: Width and height of the face crops in pixels, a multiple of 8 for block_flow, of 16 for
            pyramid_flow, and of 64 for the FlowNets.
        batch_size: Number of pairs in a step, over all devices.
        epochs: Number of epochs. Each ends with validation and a checkpoint.
        steps_per_epoch: Number of steps in an epoch; one pass over the training subjects by default.
        max_minutes: Time limit in minutes. Training stops after the epoch in which it is exceeded.
        learning_rate: Learning rate of AdamW after the warm-up. It decays to 0 along a cosine.
        warmup_steps: Number of steps over which the learning rate rises from 0.
        weight_decay: Weight decay of AdamW. Biases have none.
        global_clipnorm: Maximum norm of the gradient of all weights together; a longer one is scaled down.
        ema_momentum: Momentum of the exponential moving average of the weights. The average is validated and
            saved; 0 for no average.
        label: Label method for pairs without a dense flow of their own; synthesised makes frame 2 of every
            pair from frame 1 and its flow.
        margin: Margin around the face in a crop, as a share of the face's size.
        augment: Whether training pairs are augmented.
        augmentation: Strength of the augmentation.
        validation_share: Share of the subjects that are held out for validation; 0 for none.
        precision: Mixed-precision policy. auto is mixed_float16 on a GPU, mixed_bfloat16 on a CPU with
            AVX512-BF16 or AMX, and float32 elsewhere.
        jit_compile: Whether steps are compiled with XLA, for networks without a correlation.
        seed: Seed of weights, splits, order and augmentation.
    """

    network: str = "pyramid_flow"
    width: float = number(default=1.0, above=0)
    num_flow_updates: int | None = number(default=None, minimum=1)
    num_coarse_flow_updates: int | None = number(default=None, minimum=0)
    loss: str = "epe"
    layers: Literal["all", "uncertainty"] = "all"
    background_weight: float = number(default=0.1, minimum=0)
    size: int = number(default=192, minimum=16)
    batch_size: int = number(default=8, minimum=1)
    epochs: int = number(default=30, minimum=1)
    steps_per_epoch: int | None = number(default=None, minimum=1)
    max_minutes: float | None = number(default=None, above=0)
    learning_rate: float = number(default=4e-4, above=0)
    warmup_steps: int = number(default=200, minimum=0)
    weight_decay: float = number(default=1e-4, minimum=0)
    global_clipnorm: float = number(default=1.0, above=0, finite=False)
    ema_momentum: float = number(default=0.99, minimum=0, below=1)
    label: str = "mesh"
    margin: float = number(default=0.15, minimum=0)
    augment: bool = True
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation_share: float = number(default=0.2, minimum=0, below=1)
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    jit_compile: bool = False
    seed: int = number(default=0, minimum=0)
