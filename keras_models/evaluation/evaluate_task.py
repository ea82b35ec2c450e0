"""Evaluation of classes of emotion and of Action Units on subjects that were left out."""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from keras_models.evaluation.evaluate_expression import divide
from keras_models.evaluation.expression_scores import confusion, scores
from keras_models.evaluation.fold_cache import fold_predictions
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.tasks import PRESENCE
from pipelines.errors import InputError
from pipelines.micro_expressions.task_samples import TaskSamples
from pipelines.settings import check_settings
from pipelines.visualization.report import Table

_GROUP = 34  # folds that are trained side by side, which is what memory is for


@dataclass(frozen=True, eq=False)
class TaskEvaluation:
    """What was predicted for samples of subjects that were left out.

    Attributes:
        samples: samples that were classified.
        predicted: int [seeds, N], or of Action Units [seeds, N, units].
        split: split of the subjects.
        config: settings of the training.
        untrained: (fold, Action Unit) that all training samples of the fold show, or none: the same is
            predicted.
    """

    samples: TaskSamples
    predicted: np.ndarray
    split: str
    config: ExpressionConfig
    untrained: tuple[tuple[str, str], ...] = ()

    def f1(self, corpus: str | None = None) -> dict[str, float]:
        """Return the F1 of each class or Action Unit, mean of the seeds, counts pooled over the folds.

        NaN for what is neither coded nor predicted.
        """
        chosen = np.array([corpus in (None, name) for name in self.samples.corpora])
        labels, classes = self.samples.labels[chosen], self.samples.task.classes
        by_seed = []
        for predicted in self.predicted[:, chosen]:
            if self.samples.task.is_binary:
                by_seed.append([binary_f1(labels[:, k], predicted[:, k]) for k in range(len(classes))])
            else:
                by_seed.append(scores(confusion(labels, predicted, len(classes))).f1)
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of no seed
            means = np.nanmean(by_seed, axis=0)
        return dict(zip(classes, means.tolist(), strict=True))

    def mean_f1(self, corpus: str | None = None) -> float:
        """Return the unweighted mean of `f1` over what occurs: UF1 of classes, mean binary F1 of units."""
        return float(np.nanmean(list(self.f1(corpus).values())))

    def to_json(self) -> dict:
        """Return everything as plain values."""
        names = list(dict.fromkeys(self.samples.corpora))
        return {
            "task": self.samples.task.name,
            "split": self.split,
            "seeds": len(self.predicted),
            "training": asdict(self.config),
            "mean_f1": self.mean_f1(),
            "corpora": {name: {"mean_f1": self.mean_f1(name), "f1": self.f1(name)} for name in names},
            "samples": [
                {"clip": clip, "subject": subject, "label": label, "predicted": predicted}
                for clip, subject, label, predicted in zip(
                    self.samples.clips,
                    self.samples.subjects,
                    self.samples.labels.tolist(),
                    np.moveaxis(self.predicted, 0, 1).tolist(),
                    strict=True,
                )
            ],
            "issues": [f"{one.clip}: {one.reason}" for one in self.samples.issues]
            + [f"fold {fold}: all training samples show {unit}, or none" for fold, unit in self.untrained],
        }


def evaluate_task(
    samples: TaskSamples,
    config: ExpressionConfig,
    cache: Path,
    split: str = "loso",
    seeds: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TaskEvaluation:
    """Classify every sample by networks that have not seen its subject.

    Each Action Unit has a network of its own, which tells present from absent.

    Args:
        samples: samples of a task.
        config: settings of the training.
        cache: folder of the cache of finished folds (`fold_cache`).
        split: see `evaluate_expression`; `cross-corpus` leaves one corpus out.
        seeds: number of repetitions, with the seeds `config.seed`, `config.seed + 1`, ...
        progress: called with the number of networks trained and the number of all.

    Raises:
        InputError: for an unknown split, too few subjects or corpora.
    """
    check_settings(config)
    if seeds < 1:
        raise InputError(f"seeds {seeds}: at least 1")
    subjects = np.array(samples.subjects)
    divided = divide(samples, split)
    tested = np.stack([np.isin(subjects, list(fold.test)) for fold in divided], axis=1)
    training = np.stack([np.isin(subjects, list(fold.training)) for fold in divided], axis=1)
    binary = samples.task.is_binary
    columns = list(samples.labels.T) if binary else [samples.labels]
    classes = PRESENCE if binary else samples.task.classes
    predicted = np.zeros((seeds, len(subjects), len(columns)), int)
    untrained, done, total = [], 0, seeds * len(divided) * len(columns)
    for seed in range(seeds):
        seeded = replace(config, seed=config.seed + seed)
        for k, labels in enumerate(columns):
            able = [len(np.unique(labels[training[:, fold]])) > 1 for fold in range(len(divided))]
            if seed == 0 and binary:
                names = [divided[fold].name for fold in np.flatnonzero(~np.array(able))]
                untrained += [(name, samples.task.classes[k]) for name in names]
            for fold in np.flatnonzero(~np.array(able)):
                predicted[seed, tested[:, fold], k] = labels[training[:, fold]].max()  # all are alike
            for first in range(0, len(divided), _GROUP):
                group = [f for f in range(first, min(first + _GROUP, len(divided))) if able[f] or not binary]
                if group:
                    column_samples = replace(samples, labels=labels)
                    answers = fold_predictions(column_samples, training[:, group], seeded, cache, classes)
                    for column, fold in zip(answers.T, group, strict=True):
                        predicted[seed, tested[:, fold], k] = column[tested[:, fold]]
                done += min(_GROUP, len(divided) - first)
                progress(done, total)
    return TaskEvaluation(
        samples, predicted if binary else predicted[..., 0], split, config, tuple(untrained)
    )


def binary_f1(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return 2 TP / (2 TP + FP + FN); NaN without a positive on either side.

    >>> binary_f1(np.array([1, 1, 0]), np.array([1, 0, 1]))
    0.5
    """
    total = int(true.sum() + predicted.sum())
    return 2 * int((true & predicted).sum()) / total if total else float("nan")


def task_table(evaluations: dict[str, TaskEvaluation]) -> Table:
    """Return a row for each method of flow and corpus: mean F1 and that of each class or unit."""
    first = next(iter(evaluations.values()))
    columns = ["flow", "samples of", "samples", "mean F1", *first.samples.task.classes]
    rows = []
    for method, one in evaluations.items():
        names = list(dict.fromkeys(one.samples.corpora))
        for part in [*names, None] if len(names) > 1 else names:
            values = ["-" if np.isnan(value) else f"{value:.3f}" for value in one.f1(part).values()]
            count = sum(part in (None, name) for name in one.samples.corpora)
            rows.append([method, part or "all", str(count), f"{one.mean_f1(part):.3f}", *values])
    caption = f"Task {first.samples.task.name}, {first.split}, mean of {len(first.predicted)} seed(s)."
    return Table(columns, rows, caption)
