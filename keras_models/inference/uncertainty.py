"""Flow with the end-point error to expect at each pixel.

References:
    Kendall, Gal, "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?", NeurIPS
    2017: errors that a network estimates beside its answer. Sundaram, Brox, Keutzer, "Dense Point
    Trajectories by GPU-Accelerated Large Displacement Optical Flow", ECCV 2010: the forward-backward
    difference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_models.inference.estimators import (
    Estimator,
    get_estimator,
    network_function,
    saved_model_function,
)
from keras_models.inference.kept import kept
from keras_models.presets import SHIPPED, is_preset, load_network, preset_folder
from pipelines.errors import InputError
from pipelines.image.frame_check import check_frames
from pipelines.labels.confidence import forward_backward_difference

if TYPE_CHECKING:
    import keras

#: A function of two frames, uint8 [H, W, 3], that returns the flow, float32 [H, W, 2] in pixels; its
#: validity, bool [H, W]; and the uncertainty, float32 [H, W], the end-point error to expect, pixels.
UncertainEstimator = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]

#: Prefix of a method whose uncertainty is its forward-backward difference.
CONSISTENCY = "consistency:"


@partial(kept, prefix=CONSISTENCY)
def get_uncertain_estimator(name: str) -> UncertainEstimator:
    """Return an estimator of the flow and of its error, kept in memory as by `get_estimator`.

    Args:
        name: Preset, training run or SavedModel of a network that estimates its error; or
            `consistency:METHOD` for any method of `get_estimator`, which is run in both directions.

    Raises:
        InputError: If the method does not estimate its error, or is unknown. The estimator itself raises it
            for frames of different size.

    Examples:
        >>> frame = np.zeros((64, 64, 3), np.uint8)
        >>> flow, valid, uncertainty = get_uncertain_estimator("consistency:dis_fast")(frame, frame)
        >>> uncertainty.shape, float(uncertainty.max())
        ((64, 64), 0.0)
    """
    if name.startswith(CONSISTENCY):
        return forward_backward(get_estimator(name.removeprefix(CONSISTENCY)))
    if name not in SHIPPED and not Path(name).is_dir():
        get_estimator(name)  # an unknown name
        raise InputError(_without_uncertainty(name))
    folder = preset_folder(name)
    if is_preset(folder):
        return uncertain_network_estimator(load_network(name), name)
    return _networks(saved_model_function(folder, ("flow", "uncertainty")))


def uncertain_network_estimator(network: keras.Model, name: str | None = None) -> UncertainEstimator:
    """Return an estimator that runs a flow network with the output `uncertainty`.

    Raises:
        InputError: If the network has no such output.
    """
    if "uncertainty" not in network.output:
        raise InputError(_without_uncertainty(name))
    return _networks(network_function(network, ("flow", "uncertainty")))


def dense_with_uncertainty(
    estimate: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> UncertainEstimator:
    """Make an estimator of a function that returns a flow valid everywhere, and its uncertainty [H, W].

    The estimator raises `InputError` unless the frames are uint8 [H, W, 3] of one size.
    """

    def method(frame1: np.ndarray, frame2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        check_frames(frame1, frame2)
        flow, uncertainty = estimate(frame1, frame2)
        return flow, np.ones(frame1.shape[:2], bool), uncertainty

    return method


def forward_backward(estimate: Estimator) -> UncertainEstimator:
    """Return an estimator whose uncertainty is the distance by which the way there and back misses its start.

    It takes twice the time. The distance is in pixels, but is no estimate of the error: an error that is the
    same in both directions does not show. It is NaN where the way back is not known.
    """

    def both_ways(frame1: np.ndarray, frame2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        flow, valid = estimate(frame1, frame2)
        back, known = estimate(frame2, frame1)
        back = np.where(known[..., None], back, np.float32(np.nan))
        return flow, valid, forward_backward_difference(flow, back)

    return both_ways


def _without_uncertainty(name: str | None) -> str:
    others = "default or fast" if name is None else f"default, fast or {CONSISTENCY}{name}"
    return f"{name or 'the network'} does not estimate its uncertainty; use {others}"


def _networks(run: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]) -> UncertainEstimator:
    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answer = run(frame1, frame2)
        return answer["flow"], answer["uncertainty"][..., 0]

    return dense_with_uncertainty(estimate)
