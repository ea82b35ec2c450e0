"""How well an expected error predicts the true one: sparsification, calibration, occlusion.

References:
    Ilg et al., "Uncertainty Estimates and Multi-Hypotheses Networks for Optical Flow", ECCV 2018:
    sparsification curves, and the area between them (AUSE).
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid

#: Shares of the most uncertain pixels that are removed for a sparsification curve.
REMOVED = np.linspace(0, 0.95, 20)
NUM_BINS = 10


@dataclass(frozen=True, eq=False)
class UncertaintyScores:
    """Scores of the uncertainty of one method on one pair.

    Attributes:
        error: Mean end-point error, pixels.
        curve: Mean error of the pixels that are left when the most uncertain are removed, as shares of
            `error`, float [20] for the shares `REMOVED`.
        best_curve: The same when those of the largest true error are removed.
        ause: Area between the two curves.
        surest_half: Mean error of the half of the pixels with the least uncertainty, as a share of `error`.

    All but `error` are NaN where `error` is 0.
    """

    error: float
    curve: np.ndarray
    best_curve: np.ndarray
    ause: float
    surest_half: float


def score_uncertainty(error: np.ndarray, uncertainty: np.ndarray) -> UncertaintyScores:
    """Score the uncertainty of the pixels of a pair.

    Args:
        error: End-point errors, float [N], pixels; N is at least 1.
        uncertainty: Their expected values, float [N], pixels; only their order counts. NaN is the largest.

    Examples:
        >>> error = np.arange(1.0, 101.0)
        >>> score_uncertainty(error, 3 * error).ause
        0.0
        >>> round(score_uncertainty(error, -error).surest_half, 2)
        1.5
    """
    mean = float(error.mean())
    if mean == 0:
        nothing = np.full(len(REMOVED), np.nan)
        return UncertaintyScores(0.0, nothing, nothing, np.nan, np.nan)
    curve, best = (_sparsify(error, by) / mean for by in (uncertainty, error))
    half = np.argsort(uncertainty, kind="stable")[: (len(error) + 1) // 2]
    return UncertaintyScores(
        error=mean,
        curve=curve,
        best_curve=best,
        ause=float(trapezoid(curve - best, REMOVED)),
        surest_half=float(error[half].mean() / mean),
    )


def _sparsify(error: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return the mean error of the pixels that are left, for each of `REMOVED`."""
    means = np.cumsum(error[np.argsort(by, kind="stable")]) / np.arange(1, len(error) + 1)
    left = np.maximum(1, np.round((1 - REMOVED) * len(error)).astype(int))
    return means[left - 1]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Expected and true errors in bins of the expected error.

    Attributes:
        edges: Bounds of the bins, pixels, float [11].
        expected: Mean expected error of the pixels in each bin, pixels, float [10]; NaN in an empty bin.
        true: Mean true error of the same pixels.
        share: Share of the pixels in each bin.
    """

    edges: np.ndarray
    expected: np.ndarray
    true: np.ndarray
    share: np.ndarray


def calibrate(error: np.ndarray, uncertainty: np.ndarray) -> Calibration:
    """Compare expected and true errors in ten bins, evenly spaced in the logarithm of the expected error.

    Args:
        error: End-point errors, float [N], pixels; N is at least 1.
        uncertainty: Their expected values, float [N], pixels, finite; taken as at least 0.001.

    Examples:
        >>> error = np.repeat([0.1, 1.0], 500)
        >>> bins = calibrate(error, error)
        >>> bool(np.allclose(bins.true[bins.share > 0], bins.expected[bins.share > 0]))
        True
    """
    uncertainty = np.maximum(uncertainty, 1e-3)
    low, high = np.percentile(uncertainty, [0.5, 99.5])
    edges = np.geomspace(low, max(high, low * 1.01), NUM_BINS + 1)
    bins = np.clip(np.searchsorted(edges, uncertainty, "right") - 1, 0, NUM_BINS - 1)
    count = np.bincount(bins, minlength=NUM_BINS)
    with np.errstate(invalid="ignore"):
        expected, true = (np.bincount(bins, values, NUM_BINS) / count for values in (uncertainty, error))
    return Calibration(edges, expected, true, count / len(error))
