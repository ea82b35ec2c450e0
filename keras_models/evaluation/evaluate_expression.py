"""Evaluation of a classifier on people it has not seen: leave one subject out, or one corpus."""

import hashlib
import inspect
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from keras_models.evaluation.expression_scores import Scores, bootstrap_uf1, confusion, scores
from keras_models.expression.expression_networks import CLASSIFIERS
from keras_models.training.ensemble_training import fit_ensemble
from keras_models.training.expression_training_config import ExpressionConfig
from pipelines.datasets.composite import CLASSES
from pipelines.datasets.splits import SPLITS, Fold, folds
from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.micro_expressions.samples import Samples
from pipelines.settings import check_settings

#: Leave one corpus out: train on all others.
CROSS_CORPUS = "cross-corpus"

FULL = "full"

_GROUP = 34  # folds that are trained side by side, kept when they are done, and what memory is for
_VERSION = 1  # of the protocol; a change makes kept folds worthless


@dataclass(frozen=True, eq=False)
class ExpressionEvaluation:
    """What a classifier said about samples of people whom it had not seen.

    Attributes:
        samples: that were classified.
        answers: int [seeds, N], index into `composite.CLASSES`.
        split: how they were divided.
        config: how it was trained.
        remarks: what is odd about some folds.
    """

    samples: Samples
    answers: np.ndarray
    split: str
    config: ExpressionConfig
    remarks: tuple[str, ...]

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """Which samples count in each part: every corpus, and `full` if there are several; bool [N]."""
        corpora = np.array(self.samples.corpora)
        names = list(dict.fromkeys(self.samples.corpora))
        parts = {name: corpora == name for name in names}
        return parts | ({FULL: np.ones(len(corpora), bool)} if len(names) > 1 else {})

    def counts(self, part: str) -> np.ndarray:
        """Confusion counts of each seed, pooled over the folds: int [seeds, C, C]."""
        chosen = self.parts[part]
        labels = self.samples.labels[chosen]
        return np.stack([confusion(labels, answers[chosen], len(CLASSES)) for answers in self.answers])

    def scores(self, part: str) -> list[Scores]:
        """Scores of each seed."""
        return [scores(counts) for counts in self.counts(part)]

    def mean(self, part: str) -> dict[str, float]:
        """Mean over the seeds of each score, the spread of UF1 (standard deviation) and its interval."""
        found = self.scores(part)
        names = ("uf1", "uar", "precision", "accuracy")
        means = {name: float(np.mean([getattr(one, name) for one in found])) for name in names}
        low, high = self._interval(part)
        spread = float(np.std([one.uf1 for one in found]))
        return means | {"uf1_std": spread, "uf1_low": low, "uf1_high": high}

    def _interval(self, part: str) -> tuple[float, float]:
        chosen = self.parts[part]
        subjects = np.array(self.samples.subjects)
        by_subject = []
        for subject in np.unique(subjects[chosen]):
            own = subjects == subject
            labels = self.samples.labels[own]
            by_subject.append([confusion(labels, answers[own], len(CLASSES)) for answers in self.answers])
        return bootstrap_uf1(np.array(by_subject))

    def to_json(self) -> dict:
        """Return everything as plain values."""
        parts = {}
        for part in self.parts:
            found = self.scores(part)
            parts[part] = self.mean(part) | {
                "classes": {
                    name: {
                        "f1": _plain(np.mean([one.f1[k] for one in found])),
                        "recall": _plain(np.mean([one.recall[k] for one in found])),
                        "samples": int((self.samples.labels[self.parts[part]] == k).sum()),
                    }
                    for k, name in enumerate(CLASSES)
                },
                "confusion": self.counts(part).tolist(),
            }
        rows = zip(
            self.samples.clips, self.samples.subjects, self.samples.labels, self.answers.T, strict=True
        )
        return {
            "split": self.split,
            "training": asdict(self.config),
            "seeds": len(self.answers),
            "parts": parts,
            "samples": [
                {
                    "clip": clip,
                    "subject": subject,
                    "class": CLASSES[label],
                    "said": [CLASSES[k] for k in said],
                }
                for clip, subject, label, said in rows
            ],
            "remarks": [f"{one.clip}: {one.reason}" for one in self.samples.issues] + list(self.remarks),
        }


def evaluate_expression(
    samples: Samples,
    config: ExpressionConfig,
    cache: Path,
    split: str = "loso",
    seeds: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExpressionEvaluation:
    """Classify every sample by networks that have not seen its subject.

    Folds are trained side by side, some at a time; those that are done are kept, so that the same call goes
    on where it was stopped.

    Args:
        samples: of one corpus or several.
        config: how to train.
        cache: folder that keeps finished folds by the content of all that goes into them.
        split: one of `pipelines.datasets.splits.SPLITS`, or `cross-corpus`.
        seeds: how often everything is done, with the seeds `config.seed`, `config.seed + 1`, ...
        progress: called with the number of folds done and the number of all.

    Raises:
        InputError: for an unknown split, too few subjects or corpora, or settings out of range.
    """
    check_settings(config)
    if seeds < 1:
        raise InputError(f"seeds {seeds}: at least 1")
    subjects = np.array(samples.subjects)
    divided = divide(samples, split)
    tested = np.stack([np.isin(subjects, list(fold.test)) for fold in divided], axis=1)
    training = np.stack([np.isin(subjects, list(fold.training)) for fold in divided], axis=1)
    answers = np.full((seeds, len(subjects)), -1)
    done, total = 0, seeds * len(divided)
    for seed in range(seeds):
        seeded = replace(config, seed=config.seed + seed)
        for first in range(0, len(divided), _GROUP):
            group = slice(first, first + _GROUP)
            said = _fold_answers(samples, training[:, group], seeded, cache)
            for column, mask in zip(said.T, tested[:, group].T, strict=True):
                answers[seed, mask] = column[mask]
            done += said.shape[1]
            progress(done, total)
    return ExpressionEvaluation(samples, answers, split, config, tuple(_oddities(samples, divided)))


def divide(samples: Samples, split: str) -> Sequence[Fold]:
    """Divide the subjects of samples into folds; see `evaluate_expression`."""
    if split != CROSS_CORPUS:
        if split not in SPLITS:
            raise InputError(f"unknown split {split!r}; there are: {', '.join((*SPLITS, CROSS_CORPUS))}")
        return folds(split, samples.subjects)
    by_corpus: dict[str, set[str]] = {}
    for corpus, subject in zip(samples.corpora, samples.subjects, strict=True):
        by_corpus.setdefault(corpus, set()).add(subject)
    if len(by_corpus) < 2:
        raise InputError(f"{CROSS_CORPUS} needs two corpora or more; name another with --corpus")
    everybody = frozenset(samples.subjects)
    return [Fold(name, everybody - own, frozenset(own)) for name, own in by_corpus.items()]


def _fold_answers(
    samples: Samples, training: np.ndarray, config: ExpressionConfig, cache: Path
) -> np.ndarray:
    """Return what each fold's network says to every sample: int [N, folds]."""
    settings = json.dumps(asdict(config) | {"version": _VERSION}, sort_keys=True)
    digest = hashlib.sha256(settings.encode())
    digest.update(inspect.getsource(inspect.getmodule(CLASSIFIERS[config.network])).encode())
    for array in (samples.features, samples.labels, np.array(samples.subjects), training):
        digest.update(np.ascontiguousarray(array).tobytes())
    path = cache / f"{digest.hexdigest()[:32]}.npy"
    if path.exists():
        return np.load(path)
    model = fit_ensemble(samples.features, samples.labels, np.array(samples.subjects), training, config)
    said = model.predict(samples.features, verbose=0).argmax(axis=-1)
    with replacing(path) as part:
        np.save(part, said)
    return said


def _oddities(samples: Samples, divided: Sequence[Fold]) -> list[str]:
    said = []
    subjects = np.array(samples.subjects)
    for fold in divided:
        shown = set(samples.labels[np.isin(subjects, list(fold.training))].tolist())
        if absent := [name for k, name in enumerate(CLASSES) if k not in shown]:
            said.append(
                f"fold {fold.name}: nobody to train on shows {', '.join(absent)}; that fold never answers so"
            )
    if single := sorted(name for name, count in Counter(samples.subjects).items() if count == 1):
        said.append(
            f"{len(single)} subject(s) with one sample, each a fold of one answer: {', '.join(single)}"
        )
    return said


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
