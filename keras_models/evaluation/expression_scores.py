"""Scores of a classification from its confusion counts.

Counts are summed over all folds first: most single folds lack a class, so their scores are meaningless.

Reference:
    See et al., "MEGC 2019 - The Second Facial Micro-Expressions Grand Challenge", FG 2019: UF1 and UAR.
"""

from dataclasses import dataclass

import numpy as np

_DRAWS = 2000


@dataclass(frozen=True)
class Scores:
    """Scores of a classification, all between 0 and 1.

    Classes that are neither true nor predicted for any sample are not counted.

    Attributes:
        uf1: Unweighted mean over classes of F1 = 2 TP / (2 TP + FP + FN).
        uar: Unweighted mean recall, over classes that occur.
        precision: Unweighted mean precision, 0 for a class that is never predicted. Some papers call it UAR.
        accuracy: Share of correct predictions.
        f1: F1 of each class; NaN for one that does not occur.
        recall: Recall of each class; NaN for one that does not occur.
    """

    uf1: float
    uar: float
    precision: float
    accuracy: float
    f1: tuple[float, ...]
    recall: tuple[float, ...]


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return confusion counts, int64 [classes, classes]: rows are true classes, columns predicted ones.

    Examples:
        >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def scores(counts: np.ndarray) -> Scores:
    """Return the scores of confusion counts.

    Args:
        counts: int [C, C], rows are true classes, columns predicted ones; at least one sample.

    Examples:
        >>> scores(np.array([[1, 1], [0, 1]])).uar
        0.75
    """
    right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        recall = right / true
    f1 = _f1(counts)
    precision = np.where(true + predicted > 0, right / np.maximum(predicted, 1), np.nan)
    return Scores(
        uf1=float(np.nanmean(f1)),
        uar=float(np.nanmean(recall)),
        precision=float(np.nanmean(precision)),
        accuracy=float(right.sum() / counts.sum()),
        f1=tuple(f1.tolist()),
        recall=tuple(recall.tolist()),
    )


def bootstrap_uf1(counts: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of UF1 by bootstrap over subjects.

    Samples of one subject resemble each other, so an interval over samples would be too narrow.

    Args:
        counts: int [subjects, seeds, C, C], confusion counts. UF1 is the mean over the seeds.
        seed: Seed of the draws.
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
