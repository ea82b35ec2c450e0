"""The configuration of a classifier's training, apart from the code: `--help` need not load TensorFlow."""

from typing import Literal

from pipelines.settings import number, settings


@settings
class ExpressionConfig:
    """How a classifier of micro-expressions is trained.

    Attributes:
        network: Classifier: mirror_net, or ststnet. As published, ststnet is trained for 500 epochs with a
            batch size of 256, a learning rate of 5e-5 and no weight decay (Liong et al. 2019).
        epochs: Number of passes over the training samples, fixed before anything is tested.
        batch_size: Number of samples in a step.
        learning_rate: Learning rate of AdamW.
        weight_decay: Weight decay of AdamW, decoupled from the gradient.
        balance: Exponent of the class weights, n ** -balance for a class with n training samples. 1 weights
            all classes equally, 0 all samples.
        ensemble_size: Number of networks whose probabilities the trained classifier averages. An evaluation
            trains one network per fold.
        choose_epoch: Hold out one training subject for validation, and keep the epoch that is best for it.
            By default the last epoch is kept.
        seed: Seed of weights, order and dropout.
    """

    network: Literal["mirror_net", "ststnet"] = "mirror_net"
    epochs: int = number(default=60, minimum=1)
    batch_size: int = number(default=64, minimum=1)
    learning_rate: float = number(default=1e-3, above=0)
    weight_decay: float = number(default=1e-2, minimum=0)
    balance: float = number(default=1.0, minimum=0, maximum=1)
    ensemble_size: int = number(default=1, minimum=1)
    choose_epoch: bool = False
    seed: int = number(default=0, minimum=0)
