"""`faceflow train`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from faceflow.arguments import Folder, Out
from keras_models.flow_training_config import FlowTrainingConfig


def train_flow(
    data: Folder,
    out: Out,
    config: OmitArgPrefixes[FlowTrainingConfig],
    start: Annotated[Path | None, arg(metavar="RUN")] = None,
) -> None:
    """Train a flow network, and keep the best of it by the subjects that validate.

    Watch it with: tensorboard --logdir RUN/tensorboard

    Args:
        data: folder of records (faceflow build) or of pairs.
        out: the run's folder: weights, preset.json, log.csv, tensorboard/.
        config: how to train.
        start: a run or preset to continue from, in place of fresh weights.
    """
    from keras_models.train_flow import train_flow as train

    train(data, out, config, start)
