"""Train a classifier; `python -m keras_models.training.train_expression --help` lists the settings."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax

from keras_models.expression.expression_networks import build_classifier
from keras_models.presets import DEFAULT, Preset, is_preset, save_preset
from keras_models.training.calibration import fit_temperature
from keras_models.training.ensemble_training import fit_ensemble
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import Samples
from pipelines.settings import check_settings

_CALIBRATION_FOLDS = 3


def train_expression(
    samples: Samples, out: Path | str, config: ExpressionConfig, about: Mapping
) -> keras.Model:
    """Train a classifier on all samples and save it as a preset.

    Args:
        samples: Samples to train on.
        out: Folder of the preset.
        config: How to train.
        about: Corpora, flow method and head removal of the features; goes into the recipe.

    Returns:
        The trained model of `config.ensemble_size` members; see `build_classifier`. The recipe also says at
        which temperature its probabilities are calibrated, by samples of subjects left out of the training.

    Raises:
        InputError: If the folder holds a preset, a setting is out of range, or the samples show one class
            only.
    """
    check_settings(config)
    if is_preset(out):
        raise InputError(f"{out}: there is a training run here already; choose another folder or remove it")
    everybody = np.ones((len(samples.labels), config.ensemble_size), bool)
    model = fit_ensemble(samples.features, samples.labels, np.array(samples.subjects), everybody, config)
    logits = model.predict(samples.features, verbose=0)
    predicted = softmax(logits, axis=-1).mean(axis=1).argmax(axis=-1)
    recipe = (
        asdict(config)
        | dict(about)
        | {
            "samples": len(samples.labels),
            "classes": list(CLASSES),
            "temperature": held_out_temperature(samples, config),
        }
    )
    numbers = {"training_accuracy": float((predicted == samples.labels).mean())}
    network = {"name": config.network, "ensemble_size": config.ensemble_size}
    plain = build_classifier(**network)  # without the optimizer, whose state is twice the weights
    plain.set_weights(model.get_weights())
    save_preset(out, plain, Preset(network, recipe, numbers))
    return plain


def held_out_temperature(samples: Samples, config: ExpressionConfig) -> float:
    """Fit the temperature on samples of corpora, or of subjects where there is one corpus, left out in turn.

    Returns:
        The temperature; 1 where the samples are too few to leave any out.
    """
    groups = np.array(samples.corpora)
    if len(set(samples.corpora)) < 2:
        names = sorted(set(samples.subjects))
        groups = np.array([names.index(subject) % _CALIBRATION_FOLDS for subject in samples.subjects])
    training = np.stack([groups != group for group in np.unique(groups)], axis=1)
    if any(len(set(samples.labels[column])) < 2 for column in training.T):
        return 1.0
    model = fit_ensemble(samples.features, samples.labels, np.array(samples.subjects), training, config)
    logits = model.predict(samples.features, verbose=0)
    own = np.searchsorted(np.unique(groups), groups)
    return fit_temperature(logits[np.arange(len(groups)), own], samples.labels)


def main() -> None:
    """Run from the shell."""
    import tyro

    from keras_models.inference.expression_samples import open_samples

    def run(
        corpus: tyro.conf.UseAppendAction[tuple[str, ...]],
        out: Path,
        config: tyro.conf.OmitArgPrefixes[ExpressionConfig],
        method: str = DEFAULT,
    ) -> None:
        samples, about = open_samples(corpus, method)
        train_expression(samples, out, config, about)

    try:
        tyro.cli(run)
    except InputError as error:
        sys.exit(f"train_expression: {error}")


if __name__ == "__main__":
    main()
