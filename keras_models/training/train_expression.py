"""Train a classifier; `python -m keras_models.training.train_expression --help` lists the settings."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from keras_models.expression.expression_networks import build_classifier
from keras_models.presets import DEFAULT, Preset, is_preset, save_preset
from keras_models.training.ensemble_training import fit_ensemble
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import Samples
from pipelines.settings import check_settings


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
        The trained model of one member; see `build_classifier`.

    Raises:
        InputError: If the folder holds a preset, a setting is out of range, or the samples show one class
            only.
    """
    check_settings(config)
    if is_preset(out):
        raise InputError(f"{out}: there is a training run here already; choose another folder or remove it")
    everybody = np.ones((len(samples.labels), 1), bool)
    model = fit_ensemble(samples.features, samples.labels, np.array(samples.subjects), everybody, config)
    predicted = model.predict(samples.features, verbose=0)[:, 0].argmax(axis=-1)
    recipe = asdict(config) | dict(about) | {"samples": len(samples.labels), "classes": list(CLASSES)}
    numbers = {"training_accuracy": float((predicted == samples.labels).mean())}
    plain = build_classifier(config.network)  # without the optimizer, whose state is twice the weights
    plain.set_weights(model.get_weights())
    save_preset(out, plain, Preset({"name": config.network}, recipe, numbers))
    return plain


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
