import numpy as np
import pytest

from keras_models.training.calibration.classifier_calibration import (
    expected_calibration_error,
    fit_temperature,
)


def test_temperature_of_labels_drawn_from_the_logits():
    """Labels drawn from softmax(logits / 2) are best explained at T = 2."""
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((20000, 3))
    cool = np.exp(logits / 2)
    cool /= cool.sum(axis=1, keepdims=True)
    labels = (rng.random((20000, 1)) > cool.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(2, rel=0.05)
    hot = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert expected_calibration_error(cool, labels) < 0.015 < 0.1 < expected_calibration_error(hot, labels)


def test_temperature_of_an_ensemble_is_that_of_its_mean():
    """Members that are sure of different classes are unsure together: cooling them more would be too much."""
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((20000, 4, 3))
    cool = np.exp(logits / 2)
    cool = (cool / cool.sum(axis=-1, keepdims=True)).mean(axis=1)
    labels = (rng.random((20000, 1)) > cool.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(2, rel=0.1)
    one = fit_temperature(logits[:, 0], labels)
    assert one > 3
