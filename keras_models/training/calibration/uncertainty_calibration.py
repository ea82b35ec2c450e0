"""Calibration of the uncertainty of a flow network on pairs that it was not trained on.

Training pairs are augmented, which makes their flow harder to estimate than that of the pairs of users. So an
uncertainty that is learned on them is too large.
"""

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize

from keras_models.flow.flow_model import UNCERTAINTY_LAYER
from keras_models.losses.flow_losses import end_point_error

_PIXELS = 200_000  # of a batch at most, evenly spaced
_LEAST_ERROR = 1e-3  # pixels; an expected error of nothing has no logarithm


def fit_uncertainty(error: np.ndarray, uncertainty: np.ndarray) -> tuple[float, float]:
    """Fit a and b for which exp(a) * uncertainty^b is the mean of errors of an exponential distribution.

    Args:
        error: End-point errors, float [N], pixels; taken as at least 0.001.
        uncertainty: Their expected values, float [N], pixels, above 0.

    Returns:
        a and b; 0 and 1 if the uncertainty is right.

    References:
        Kuleshov, Fenner, Ermon, "Accurate Uncertainties for Deep Learning Using Calibrated Regression", ICML
        2018: calibration of a trained network. The likelihood is that of `uncertainty_loss`.

    Examples:
        >>> uncertainty = np.geomspace(0.1, 10, 1000)
        >>> [round(value, 3) for value in fit_uncertainty(2 * uncertainty**0.5, uncertainty)]
        [0.693, 0.5]
    """
    log, error = np.log(uncertainty).astype(float), np.maximum(error, _LEAST_ERROR)

    def loss(fit: np.ndarray) -> tuple[float, np.ndarray]:
        expected = fit[0] + fit[1] * log
        ratio = error * np.exp(-expected)
        slope = 1 - ratio
        return float(np.mean(expected + ratio)), np.array([slope.mean(), (slope * log).mean()])

    offset, power = minimize(loss, [0.0, 1.0], jac=True, method="BFGS", options={"gtol": 1e-7}).x
    return float(offset), float(power)


def calibrate_uncertainty(network: keras.Model, batches: tf.data.Dataset) -> None:
    """Change the last weights of the uncertainty such that it is the mean error in the face.

    The flow stays the same. If the pairs show no face, nothing changes.

    Args:
        network: Flow network with the output `uncertainty`.
        batches: Frames and targets of pairs that it was not trained on, as `flow_batches` makes them.
    """
    errors, expected = [], []
    run = tf.function(lambda frames: {name: network(frames)[name] for name in ("flow", "uncertainty")})
    for frames, targets in batches:
        found = run(frames)
        face = targets["valid"] & targets["face"]
        step = -(-int(tf.math.count_nonzero(face)) // _PIXELS) or 1
        errors.append(end_point_error(targets["flow"], found["flow"])[face].numpy()[::step])
        expected.append(found["uncertainty"][..., 0][face].numpy()[::step])
    if not sum(map(len, errors)):
        return
    offset, power = fit_uncertainty(np.concatenate(errors), np.concatenate(expected))
    layer = network.get_layer(UNCERTAINTY_LAYER)
    kernel, bias = layer.get_weights()
    layer.set_weights([power * kernel, power * bias + offset])
