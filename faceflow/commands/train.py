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
    """Train a flow network and save the weights with the lowest validation error.

    The same command continues an interrupted run.

    To watch the training: tensorboard --logdir RUN/tensorboard

    Args:
        data: Folder of records (faceflow build) or of pairs, or rendered:COUNT.
        out: Folder of the run: weights, preset.json, log.csv, tensorboard/.
        config: How to train.
        init_from: Run or preset whose weights the training starts from, such as the preset default. Its
            network is used; --network and --width are ignored. By default training starts from fresh weights.
    """
    from keras_models.training.train_flow import train_flow as train

    train(data, out, config, init_from)


def train_expression(
    corpus: Corpora,
    out: Out,
    config: OmitArgPrefixes[ExpressionConfig],
    method: Annotated[str, arg(metavar="NAME")] = "default",
    keep_head: bool = False,
    task: str = "composite",
) -> None:
    """Train a classifier of micro-expressions on all clips of one or more corpora.

    The run answers with the labels of the task in faceflow expression, spot and analyze, and when it is
    served.

    To measure its accuracy on unseen subjects, use: faceflow evaluate expression

    Args:
        corpus: Corpus as casme2=DIR, samm=DIR or smic=DIR, or another one of the task; repeat the option for
            several.
        out: Folder of the run: weights and preset.json.
        config: How to train.
        method: Flow method that computes the features, as for evaluate flow.
        keep_head: Keep the head motion in the flow.
        task: Labels to recognise, as for evaluate expression: composite (the three classes of MEGC 2019),
            emotions5 (of CASME II), emotions5_samm, emotions7, or action_units (12 units, each present or
            absent).
    """
    from keras_models.inference.expression_samples import open_samples
    from keras_models.training.train_expression import check_new_run, unseen_classes
    from keras_models.training.train_expression import train_expression as train

    check_new_run(out)
    with gauge("features") as show:
        samples, about = open_samples(corpus, method, not keep_head, show, task)
    for issue in samples.issues:
        say(f"{issue.kind}: {issue.clip}: {issue.reason}")
    if absent := unseen_classes(samples):
        say(f"cannot be learned from these clips: {', '.join(absent)}")
    train(samples, out, config, about)
    say(f"{out}: trained on {len(samples.labels)} clips of {len(set(samples.subjects))} subjects")
