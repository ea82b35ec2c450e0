"""Train a classifier; `python -m keras_models.training.train_expression --help` lists the settings."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax

from keras_models.expression.expression_networks import build_classifier
from keras_models.presets import DEFAULT, Preset, is_preset, save_preset
from keras_models.training.calibration.classifier_calibration import fit_temperature
from keras_models.training.ensemble_training import fit_ensemble
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.datasets.tasks import COMPOSITE, PRESENCE
from pipelines.errors import InputError
from pipelines.files import check_outputs
from pipelines.micro_expressions.samples import Samples
from pipelines.micro_expressions.task_samples import TaskSamples
from pipelines.settings import check_settings

_CALIBRATION_FOLDS = 3


def train_expression(
    samples: Samples, out: Path | str, config: ExpressionConfig, about: Mapping
) -> keras.Model:
    """Train a classifier on all samples and save it as a preset.

    Args:
        samples: Samples to train on, of the composite or of a task.
        out: Folder of the preset.
        config: How to train.
        about: Task, corpora, flow method and head removal of the features; goes into the recipe.

    Returns:
        The trained model of `config.ensemble_size` members, or as many for each Action Unit; see
        `build_classifier`. The recipe also says at which temperature its probabilities are calibrated, by
        samples of subjects left out of the training.

    Raises:
        InputError: If the folder holds a preset, a setting is out of range, or the samples show one class
            only.
    """
    check_settings(config)
    check_new_run(out)
    targets = _targets(samples)
    members = config.ensemble_size * len(targets.columns)
    labels = np.repeat(np.stack(targets.columns, axis=1), config.ensemble_size, axis=1)
    everybody = np.ones((len(samples.labels), members), bool)
    subjects = np.array(samples.subjects)
    model = fit_ensemble(samples.features, labels, subjects, everybody, config, targets.outputs)
    recipe = (
        asdict(config)
        | dict(about)
        | {
            "samples": len(samples.labels),
            "classes": list(targets.classes),
            "temperature": held_out_temperature(samples, config),
        }
    )
    network = {"name": config.network, "ensemble_size": members, "classes": len(targets.outputs)}
    plain = build_classifier(**network)  # without the optimizer, whose state is twice the weights
    plain.set_weights(model.get_weights())
    found = softmax(plain.predict(samples.features, verbose=0), axis=-1)
    by_column = found.reshape(len(found), -1, config.ensemble_size, len(targets.outputs)).mean(axis=2)
    right = by_column.argmax(axis=-1) == np.stack(targets.columns, axis=1)
    save_preset(out, plain, Preset(network, recipe, {"training_accuracy": float(right.mean())}))
    return plain


def check_new_run(out: Path) -> None:
    """Raise `InputError` if a folder holds a training run or anything else."""
    if is_preset(out):
        raise InputError(f"{out}: there is a training run here already; choose another folder or remove it")
    check_outputs(out)


def unseen_classes(samples: Samples) -> tuple[str, ...]:
    """Return the classes or Action Units of the samples' task that no sample shows.

    Also returns Action Units that every sample shows: to tell present from absent takes both.
    """
    if not isinstance(samples, TaskSamples):
        return tuple(name for k, name in enumerate(CLASSES) if k not in samples.labels)
    if samples.task.is_binary:
        both = samples.labels.any(axis=0) & ~samples.labels.all(axis=0)
        return tuple(name for name, able in zip(samples.task.classes, both, strict=True) if not able)
    return tuple(name for k, name in enumerate(samples.task.classes) if k not in samples.labels)


@dataclass(frozen=True, eq=False)
class _Targets:
    """What a classifier learns.

    Attributes:
        classes: names that it answers with.
        columns: labels of the samples, int [N] each: one column, or one for each Action Unit.
        outputs: names of the network's outputs, of which a label is an index.
    """

    classes: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    outputs: tuple[str, ...]


def _targets(samples: Samples) -> _Targets:
    if not isinstance(samples, TaskSamples):
        return _Targets(CLASSES, (samples.labels,), CLASSES)
    names = samples.task.classes
    if not samples.task.is_binary:
        return _Targets(names, (samples.labels,), names)
    unseen = unseen_classes(samples)
    kept = [k for k, name in enumerate(names) if name not in unseen]
    if not kept:
        raise InputError("no Action Unit is present in some clips and absent from others")
    return _Targets(tuple(names[k] for k in kept), tuple(samples.labels[:, k] for k in kept), PRESENCE)


def held_out_temperature(samples: Samples, config: ExpressionConfig) -> float:
    """Fit the temperature on samples of corpora, or of subjects where there is one corpus, left out in turn.

    Each is answered by as many members as the classifier has: their mean is less confident than one of them.

    Returns:
        The temperature, one for all Action Units; 1 where the samples are too few to leave any out.
    """
    groups = np.array(samples.corpora)
    if len(set(samples.corpora)) < 2:
        names = sorted(set(samples.subjects))
        groups = np.array([names.index(subject) % _CALIBRATION_FOLDS for subject in samples.subjects])
    targets = _targets(samples)
    # One member for each group that is left out and each column.
    members = [(groups != group, column) for group in np.unique(groups) for column in targets.columns]
    able = [(training, column) for training, column in members if len(np.unique(column[training])) > 1]
    if not able or (len(targets.columns) == 1 and len(able) < len(members)):
        return 1.0
    training, labels = (np.stack(parts, axis=1) for parts in zip(*able, strict=True))
    answered, trained_on = (np.repeat(each, config.ensemble_size, axis=1) for each in (labels, training))
    model = fit_ensemble(
        samples.features, answered, np.array(samples.subjects), trained_on, config, targets.outputs
    )
    logits = model.predict(samples.features, verbose=0)
    logits = logits.reshape(*training.shape, config.ensemble_size, -1)
    return fit_temperature(logits[~training], labels[~training])


def main() -> None:
    """Run from the shell."""
    import tyro

    from keras_models.inference.expression_samples import open_samples

    def run(
        corpus: tyro.conf.UseAppendAction[tuple[str, ...]],
        out: Path,
        config: tyro.conf.OmitArgPrefixes[ExpressionConfig],
        method: str = DEFAULT,
        task: str = COMPOSITE,
    ) -> None:
        samples, about = open_samples(corpus, method, task=task)
        train_expression(samples, out, config, about)

    try:
        tyro.cli(run)
    except InputError as error:
        sys.exit(f"train_expression: {error}")


if __name__ == "__main__":
    main()
