"""Scores of a classification from its confusion counts.

Counts are summed over all folds first; scores of single folds, most of which lack a class, mean nothing.

Reference:
    See et al., "MEGC 2019 - The Second Facial Micro-Expressions Grand Challenge", FG 2019: UF1 and UAR.
"""

from dataclasses import dataclass

import numpy as np

_DRAWS = 2000


@dataclass(frozen=True)
class Scores:
    """How good a classification is; all between 0 and 1.

    Classes that nobody shows and nobody is said to show count in nothing.

    Attributes:
        uf1: unweighted mean over classes of F1 = 2 TP / (2 TP + FP + FN).
        uar: unweighted mean recall, over classes that somebody shows.
        precision: unweighted mean precision; 0 of a class that is never said. Some papers call it UAR.
        accuracy: share of right answers.
        f1: of each class; NaN of one that does not occur.
        recall: of each class, likewise.
    """

    uf1: float
    uar: float
    precision: float
    accuracy: float
    f1: tuple[float, ...]
    recall: tuple[float, ...]


def confusion(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Count: int64 [classes, classes], rows are what is shown, columns what was said."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return counts


def scores(counts: np.ndarray) -> Scores:
    """Return the scores of confusion counts.

    Args:
        counts: int [C, C], rows are what is shown, columns what was said; at least one in it.
    """
    right, shown, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        recall = right / shown
    f1 = _f1(counts)
    precision = np.where(shown + said > 0, right / np.maximum(said, 1), np.nan)
    return Scores(
        uf1=float(np.nanmean(f1)),
        uar=float(np.nanmean(recall)),
        precision=float(np.nanmean(precision)),
        accuracy=float(right.sum() / counts.sum()),
        f1=tuple(f1.tolist()),
        recall=tuple(recall.tolist()),
    )


def bootstrap_uf1(counts: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of UF1 over subjects, who are drawn anew with replacement.

    Samples of one person resemble each other; an interval over samples would be too narrow.

    Args:
        counts: int [subjects, seeds, C, C], confusion counts; UF1 is the mean over the seeds.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    subjects = len(counts)
    drawn = rng.multinomial(subjects, np.full(subjects, 1 / subjects), _DRAWS)
    pooled = np.einsum("ds,skij->dkij", drawn, counts)
    values = np.nanmean(_f1(pooled), axis=-1).mean(axis=-1)
    return tuple(np.percentile(values, (2.5, 97.5)).tolist())


def _f1(counts: np.ndarray) -> np.ndarray:
    """F1 of each class of [..., C, C]; NaN of one that does not occur."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        return 2 * right / (counts.sum(axis=-1) + counts.sum(axis=-2))
