"""Calibration of a classifier: probabilities that say how often the classifier is right."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

_RANGE = (0.25, 8.0)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature T for which softmax(logits / T) has the least negative log-likelihood.

    Of an ensemble it is the mean over the members that has it. The class that one network predicts stays the
    same.

    Args:
        logits: float [N, C], or [N, M, C] of M members, of samples that they were not trained on.
        labels: int [N].

    Returns:
        T, 0.25 to 8; above 1 if the classifier is more confident than it is right.

    References:
        Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    Examples:
        >>> logits = np.array([[4.0, 0.0]] * 4)  # 98 % sure, and right in 3 of 4
        >>> round(fit_temperature(logits, np.array([0, 0, 0, 1])), 2)
        3.64
    """
    members = logits if logits.ndim == 3 else logits[:, None]

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(members / np.exp(log_temperature), axis=-1)[np.arange(len(labels)), :, labels]
        return float(-logsumexp(scaled, axis=1).mean())  # but for the number of members

    found = minimize_scalar(loss, bounds=tuple(np.log(_RANGE)), method="bounded")
    return float(np.exp(found.x))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Return the mean distance between confidence and accuracy over bins of confidence, weighted by samples.

    Args:
        probabilities: float [N, C].
        labels: int [N].
        bins: Number of bins of equal width from 0 to 1.

    References:
        Guo et al. 2017, equation 3.

    Examples:
        >>> sure = np.array([[0.9, 0.1]] * 4)
        >>> round(expected_calibration_error(sure, np.array([0, 0, 0, 1])), 2)
        0.15
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(right[number == k].mean() - confidence[number == k].mean()) * (number == k).mean()
            for k in np.unique(number)
        )
    )
