import numpy as np
import pytest
from scipy.integrate import trapezoid

from keras_models.evaluation.uncertainty_scores import REMOVED, calibrate, score_uncertainty


def errors(count=20_000, scale=1.0, seed=0):
    return np.random.default_rng(seed).exponential(scale, count)


def test_curves_by_hand():
    """Four pixels, of which the second half has all the error."""
    scores = score_uncertainty(np.float64([0, 0, 1, 3]), np.float64([1, 2, 3, 4]))
    assert scores.error == 1
    assert scores.surest_half == 0
    left = np.maximum(1, np.round((1 - REMOVED) * 4)).astype(int)
    np.testing.assert_allclose(scores.curve, np.array([0, 0, 1 / 3, 1])[left - 1])
    assert scores.ause == 0


def test_surest_half_of_exponential_errors():
    """Below its median log 2 an exponential of mean 1 has the mean 1 - log 2."""
    error = errors()
    assert score_uncertainty(error, error).surest_half == pytest.approx(1 - np.log(2), abs=0.01)


def test_useless_uncertainty_has_the_area_above_the_best_curve():
    """Removal at random changes nothing; the best curve of an exponential is 1 + q log q / (1 - q)."""
    error = errors()
    scores = score_uncertainty(error, np.random.default_rng(1).random(len(error)))
    removed = REMOVED[1:]
    best = np.concatenate([[1], 1 + removed * np.log(removed) / (1 - removed)])
    np.testing.assert_allclose(scores.best_curve, best, atol=0.02)
    assert scores.ause == pytest.approx(trapezoid(1 - best, REMOVED), abs=0.02)


def test_calibration_of_errors_as_expected():
    uncertainty = np.random.default_rng(2).uniform(0.05, 2, 200_000)
    bins = calibrate(errors(len(uncertainty)) * uncertainty, uncertainty)
    assert bins.share.sum() == pytest.approx(1)
    counted = bins.share > 0.01
    np.testing.assert_allclose(bins.true[counted], bins.expected[counted], rtol=0.1)


def test_calibration_of_twice_the_error():
    uncertainty = np.random.default_rng(2).uniform(0.05, 2, 200_000)
    bins = calibrate(2 * errors(len(uncertainty)) * uncertainty, uncertainty)
    counted = bins.share > 0.01
    np.testing.assert_allclose(bins.true[counted] / bins.expected[counted], 2, rtol=0.1)


def test_one_value_for_all_pixels():
    bins = calibrate(np.full(10, 0.3), np.full(10, 0.2))
    assert bins.share.max() == 1
    assert np.nanmean(bins.true) == pytest.approx(0.3)
