"""`faceflow train`."""

from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from faceflow.arguments import Folder, Out
from keras_models.flow_training_config import FlowTrainingConfig


def train_flow(
    data: Folder,
    out: Out,
    config: OmitArgPrefixes[FlowTrainingConfig],
    start: Annotated[str | None, arg(metavar="RUN|PRESET")] = None,
) -> None:
    """Train a flow network, and keep the best of it by the subjects that validate.

    The same call goes on with a run that was interrupted.

    Watch it with: tensorboard --logdir RUN/tensorboard

    Args:
        data: folder of records (faceflow build) or of pairs.
        out: the run's folder: weights, preset.json, log.csv, tensorboard/.
        config: how to train.
        start: a run or preset (default is the one that comes with FaceFlow) to continue from, in place of
            fresh weights; its network is taken.
    """
    from keras_models.train_flow import train_flow as train

    train(data, out, config, start)
