"""Train a classifier; `python -m keras_models.training.train_expression --help` lists the settings."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from keras_models.expression.expression_networks import build_classifier
from keras_models.presets import DEFAULT, Preset, is_preset, save_preset
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import Samples


def train_expression(
    samples: Samples, out: Path | str, config: ExpressionConfig, about: Mapping
) -> keras.Model:
    """Train a classifier on all samples and write it as a preset.

    Args:
        samples: to learn from.
        out: folder of the preset.
        config: how.
        about: what the features are, and of what; goes into the recipe.

    Returns:
        The model, of one copy; see `build_classifier`.

    Raises:
        InputError: if there is a preset in the folder, or samples are of one class only.
    """
    config.check()
    if is_preset(out):
        raise InputError(f"{out}: there is a training run here already; choose another folder or remove it")
    everybody = np.ones((len(samples.labels), 1), bool)
    model = fit_copies(samples.features, samples.labels, np.array(samples.subjects), everybody, config)
    answers = model.predict(samples.features, verbose=0)[:, 0].argmax(axis=-1)
    recipe = asdict(config) | dict(about) | {"samples": len(samples.labels), "classes": list(CLASSES)}
    numbers = {"training_accuracy": float((answers == samples.labels).mean())}
    plain = build_classifier(config.network)  # without the optimizer, whose state is twice the weights
    plain.set_weights(model.get_weights())
    save_preset(out, plain, Preset({"name": config.network}, recipe, numbers))
    return plain


def fit_copies(
    features: np.ndarray,
    labels: np.ndarray,
    subjects: np.ndarray,
    training: np.ndarray,
    config: ExpressionConfig,
) -> keras.Model:
    """Train one copy of a network for each choice of samples, all in one `model.fit`.

    A sample that is not in a copy's training has the weight 0 in its loss, and there is nothing else by which
    samples or copies could touch each other: its content cannot reach that copy's weights.

    Args:
        features: float32 [N, 28, 28, 3].
        labels: int [N].
        subjects: str [N].
        training: bool [N, F], what copy f may learn from.
        config: how.

    Returns:
        The model, F copies, trained.

    Raises:
        InputError: if a copy has samples of less than two classes to learn from.
    """
    keras.utils.set_random_seed(config.seed)
    copies = training.shape[1]
    validation = np.zeros_like(training)
    if config.choose_epoch:
        validation = one_subject_each(subjects, training, config.seed)
    weights = sample_weights(labels, training & ~validation, config.balance)
    model = build_classifier(config.network, copies=copies)
    # Keras divides by the number of weights; Adam's epsilon would make the number of copies matter.
    model.compile(
        keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    answers = np.repeat(labels[:, None], copies, axis=1)
    keep_best = [KeepBestCopies(features, labels, validation)] if config.choose_epoch else []
    model.fit(
        features,
        answers,
        sample_weight=weights * copies,
        batch_size=config.batch,
        epochs=config.epochs,
        callbacks=keep_best,
        verbose=0,
    )
    return model


def sample_weights(labels: np.ndarray, training: np.ndarray, balance: bool) -> np.ndarray:
    """Return the weight of each sample for each copy: float32 [N, F], on average 1 over those that train.

    Args:
        labels: int [N].
        training: bool [N, F].
        balance: all classes that are there count alike, by the counts of that copy's training alone.

    Raises:
        InputError: if a copy has less than two classes.
    """
    weights = training.astype(np.float32)
    for copy in range(training.shape[1]):
        names, counts = np.unique(labels[training[:, copy]], return_counts=True)
        if len(names) < 2:
            shown = ", ".join(CLASSES[name] for name in names) or "nothing"
            raise InputError(f"the samples to train on show {shown} only; at least two classes are needed")
        if balance:
            for name, count in zip(names, counts, strict=True):
                weights[labels == name, copy] *= counts.sum() / (len(names) * count)
    return weights


def one_subject_each(subjects: np.ndarray, training: np.ndarray, seed: int) -> np.ndarray:
    """Take one of its training subjects from each copy, to validate: bool [N, F].

    Args:
        subjects: str [N].
        training: bool [N, F].
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.unique(subjects[column])) for column in training.T]
    return np.stack([(subjects == name) & column for name, column in zip(chosen, training.T, strict=True)], 1)


class KeepBestCopies(keras.callbacks.Callback):
    """Keeps for each copy the weights of the epoch that was best on its validation samples.

    Args:
        features: float32 [N, 28, 28, 3].
        labels: int [N].
        validation: bool [N, F], at least one sample a copy.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, validation: np.ndarray):
        super().__init__()
        self._features, self._labels, self._validation = features, labels, validation
        self._least = np.full(validation.shape[1], np.inf)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        logits = self.model.predict(self._features, verbose=0)
        right = np.take_along_axis(logits, self._labels[:, None, None], axis=-1)[..., 0]
        losses = np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) + logits.max(-1) - right
        mean = (losses * self._validation).sum(0) / self._validation.sum(0)
        weights = self.model.get_weights()
        if epoch == 0:
            self._best = [weight.copy() for weight in weights]
        for kept, weight in zip(self._best, weights, strict=True):
            kept[mean < self._least] = weight[mean < self._least]
        self._least = np.minimum(self._least, mean)

    def on_train_end(self, logs: dict | None = None) -> None:  # noqa: D102
        self.model.set_weights(self._best)


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
