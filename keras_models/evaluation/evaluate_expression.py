"""Subject-independent evaluation of a classifier: leave one subject out, or one corpus."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from keras_models.evaluation.expression_scores import Scores, bootstrap_uf1, confusion, scores
from keras_models.evaluation.fold_cache import fold_predictions
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.datasets.splits import Fold, folds
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import Samples
from pipelines.settings import check_settings

#: Leave one corpus out: train on all others.
CROSS_CORPUS = "cross-corpus"
_SPLITS = ("loso", "3-fold")  # of the subjects of any corpora
_SPLITS = ("loso", "3-fold")  # of subjects of any corpus

FULL = "full"

_GROUP = 34  # folds that are trained as one ensemble and cached together; limited by memory


@dataclass(frozen=True, eq=False)
class ExpressionEvaluation:
    """Predictions for samples by networks that were not trained on their subjects.

    Attributes:
        samples: The N samples.
        predicted: int [seeds, N], indices into `composite.CLASSES`.
        split: How the subjects were divided.
        config: How the networks were trained.
        notes: Peculiarities of some folds.
    """

    samples: Samples
    predicted: np.ndarray
    split: str
    config: ExpressionConfig
    notes: tuple[str, ...]

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """The samples of each part, bool [N]: every corpus, and `full` if there are several."""
        corpora = np.array(self.samples.corpora)
        names = list(dict.fromkeys(self.samples.corpora))
        parts = {name: corpora == name for name in names}
        return parts | ({FULL: np.ones(len(corpora), bool)} if len(names) > 1 else {})

    def counts(self, part: str) -> np.ndarray:
        """Confusion counts of each seed, pooled over the folds: int [seeds, C, C]."""
        chosen = self.parts[part]
        labels = self.samples.labels[chosen]
        return np.stack([confusion(labels, predicted[chosen], len(CLASSES)) for predicted in self.predicted])

    def scores(self, part: str) -> list[Scores]:
        """Scores of each seed."""
        return [scores(counts) for counts in self.counts(part)]

    def mean(self, part: str) -> dict[str, float]:
        """Mean of each score over the seeds; standard deviation of UF1 over them; its 95 % interval."""
        found = self.scores(part)
        names = ("uf1", "uar", "precision", "accuracy")
        means = {name: float(np.mean([getattr(one, name) for one in found])) for name in names}
        low, high = self._interval(part)
        std = float(np.std([one.uf1 for one in found]))
        return means | {"uf1_std": std, "uf1_low": low, "uf1_high": high}

    def _interval(self, part: str) -> tuple[float, float]:
        chosen = self.parts[part]
        subjects = np.array(self.samples.subjects)
        by_subject = []
        for subject in np.unique(subjects[chosen]):
            own = subjects == subject
            labels = self.samples.labels[own]
            by_subject.append(
                [confusion(labels, predicted[own], len(CLASSES)) for predicted in self.predicted]
            )
        return bootstrap_uf1(np.array(by_subject))

    def to_json(self) -> dict:
        """Return everything as plain values."""
        parts = {}
        for part in self.parts:
            found = self.scores(part)
            parts[part] = self.mean(part) | {
                "classes": {
                    name: {
                        "f1": float(np.mean([one.f1[k] for one in found])),
                        "recall": float(np.mean([one.recall[k] for one in found])),
                        "samples": int((self.samples.labels[self.parts[part]] == k).sum()),
                    }
                    for k, name in enumerate(CLASSES)
                },
                "confusion": self.counts(part).tolist(),
            }
        rows = zip(
            self.samples.clips, self.samples.subjects, self.samples.labels, self.predicted.T, strict=True
        )
        return {
            "split": self.split,
            "training": asdict(self.config),
            "seeds": len(self.predicted),
            "parts": parts,
            "samples": [
                {
                    "clip": clip,
                    "subject": subject,
                    "class": CLASSES[label],
                    "predicted": [CLASSES[k] for k in predicted],
                }
                for clip, subject, label, predicted in rows
            ],
            "notes": [f"{one.clip}: {one.reason}" for one in self.samples.issues] + list(self.notes),
        }


def evaluate_expression(
    samples: Samples,
    config: ExpressionConfig,
    cache: Path,
    split: str = "loso",
    seeds: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExpressionEvaluation:
    """Classify every sample by a network that was not trained on its subject.

    Folds are trained as ensembles and cached, so that the same call continues where it was interrupted.

    Args:
        samples: Samples of one corpus or several.
        config: How to train.
        cache: Folder of the cache of finished folds (`fold_cache`).
        split: loso, 3-fold or cross-corpus.
        seeds: Number of repetitions, with the seeds `config.seed`, `config.seed + 1`, ...
        progress: Function called with the number of finished folds and the number of all.

    Raises:
        InputError: If the split is unknown, there are too few subjects or corpora, or a setting is out of
            range.
    """
    check_settings(config)
    if seeds < 1:
        raise InputError(f"seeds must be at least 1, but is {seeds}")
    subjects = np.array(samples.subjects)
    divided = divide(samples, split)
    tested = np.stack([np.isin(subjects, list(fold.test)) for fold in divided], axis=1)
    training = np.stack([np.isin(subjects, list(fold.training)) for fold in divided], axis=1)
    predicted = np.full((seeds, len(subjects)), -1)
    done, total = 0, seeds * len(divided)
    for seed in range(seeds):
        seeded = replace(config, seed=config.seed + seed)
        for first in range(0, len(divided), _GROUP):
            group = slice(first, first + _GROUP)
            by_fold = fold_predictions(samples, training[:, group], seeded, cache)
            for column, mask in zip(by_fold.T, tested[:, group].T, strict=True):
                predicted[seed, mask] = column[mask]
            done += by_fold.shape[1]
            progress(done, total)
    return ExpressionEvaluation(samples, predicted, split, config, tuple(_notes(samples, divided)))


def divide(samples: Samples, split: str) -> Sequence[Fold]:
    """Divide the subjects of samples into folds; see `evaluate_expression`."""
    if split != CROSS_CORPUS:
        if split not in _SPLITS:
            raise InputError(f"unknown split {split!r}; use one of: {', '.join((*_SPLITS, CROSS_CORPUS))}")
        return folds(split, samples.subjects)
    by_corpus: dict[str, set[str]] = {}
    for corpus, subject in zip(samples.corpora, samples.subjects, strict=True):
        by_corpus.setdefault(corpus, set()).add(subject)
    if len(by_corpus) < 2:
        raise InputError(f"{CROSS_CORPUS} needs samples of at least two corpora; take another --split")
    everybody = frozenset(samples.subjects)
    return [Fold(name, everybody - own, frozenset(own)) for name, own in by_corpus.items()]


def _notes(samples: Samples, divided: Sequence[Fold]) -> list[str]:
    found = []
    subjects = np.array(samples.subjects)
    for fold in divided:
        shown = set(samples.labels[np.isin(subjects, list(fold.training))].tolist())
        if absent := [name for k, name in enumerate(CLASSES) if k not in shown]:
            found.append(
                f"fold {fold.name}: no training subject shows {', '.join(absent)}, so it is never predicted"
            )
    if single := sorted(name for name, count in Counter(samples.subjects).items() if count == 1):
        found.append(
            f"{len(single)} subject(s) with a single sample, so one prediction each: {', '.join(single)}"
        )
    return found
