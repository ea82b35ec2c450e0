"""`faceflow train`."""

from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from faceflow.arguments import Corpora, Folder, Out
from faceflow.console import gauge, say
from keras_models.training.expression_training_config import ExpressionConfig
from keras_models.training.flow_training_config import FlowTrainingConfig


def train_flow(
    data: Folder,
    out: Out,
    config: OmitArgPrefixes[FlowTrainingConfig],
    init_from: Annotated[str | None, arg(metavar="RUN|PRESET")] = None,
) -> None:
    """Train a flow network, and keep the best of it by the subjects that validate.

    The same call goes on with a run that was interrupted.

    Watch it with: tensorboard --logdir RUN/tensorboard

    Args:
        data: folder of records (faceflow build) or of pairs.
        out: the run's folder: weights, preset.json, log.csv, tensorboard/.
        config: how to train.
        init_from: a run or preset (default is the one that comes with FaceFlow) to continue from, in place of
            fresh weights; its network is taken.
    """
    from keras_models.training.train_flow import train_flow as train

    train(data, out, config, init_from)


def train_expression(
    corpus: Corpora,
    out: Out,
    config: OmitArgPrefixes[ExpressionConfig],
    method: Annotated[str, arg(metavar="NAME")] = "default",
    keep_head: bool = False,
) -> None:
    """Train a classifier of micro-expressions on all clips of some corpora.

    How good it is on people it has not seen, faceflow evaluate expression says.

    Args:
        corpus: casme2=DIR, samm=DIR or smic=DIR; repeat the option for more.
        out: the run's folder: weights and preset.json.
        config: how to train.
        method: the flow it looks at, as for evaluate flow.
        keep_head: leave the head's motion in the flow.
    """
    from keras_models.inference.expression_samples import open_samples
    from keras_models.training.train_expression import train_expression as train

    with gauge("features") as show:
        samples, about = open_samples(corpus, method, not keep_head, show)
    for issue in samples.issues:
        say(f"{issue.kind}: {issue.clip}: {issue.reason}")
    train(samples, out, config, about)
    say(f"{out}: trained on {len(samples.labels)} clips of {len(set(samples.subjects))} subjects")
