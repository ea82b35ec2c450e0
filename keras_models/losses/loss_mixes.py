"""Mixes of loss terms by name, as data; importing them does not load TensorFlow.

References:
    Alkaddour, Tariq, Dhall, "Self-Supervised Approach for Facial Movement Based Optical Flow", IEEE Trans.
    Affective Computing 13(4), 2022, experiments 1 to 3. The weights belong to the units in which its code
    computes: end-point error in pixels, photometric error in grey levels of 255, angular error in radians,
    smoothness in pixels per pixel.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.errors import InputError

_FINEST = 5 / 6  # of the paper's weight of the end-point error


@dataclass(frozen=True)
class LossMix:
    """Weights of the terms of a loss.

    Attributes:
        epe: Weight of the multi-scale end-point error, which is in pixels.
        photometric: Weight of the difference between frame 1 and frame 2 warped back, in grey levels of 255.
        angular: Weight of the angular error, in radians.
        smoothness: Weight of the edge-aware smoothness, in pixels per pixel.
        exponent: Exponent of each pixel's end-point error. Below 1, outliers have less weight.
        paper_levels: Whether the levels are weighted as in the paper, instead of by the network's
            `level_weights`.
    """

    epe: float
    photometric: float = 0.0
    angular: float = 0.0
    smoothness: float = 0.0
    exponent: float = 1.0
    paper_levels: bool = True


#: `epe` is the default. `robust` has less weight on outliers, as in the fine-tuning of PWC-Net. The others
#: are the experiments of the paper.
MIXES = {
    "epe": LossMix(epe=1.0, paper_levels=False),
    "robust": LossMix(epe=1.0, exponent=0.7, paper_levels=False),
    "exp1": LossMix(epe=1.0),
    "exp2i": LossMix(epe=0.4, photometric=0.6),
    "exp2ii": LossMix(epe=0.75, photometric=0.25),
    "exp3i": LossMix(epe=0.3, photometric=0.4, smoothness=0.3),
    "exp3ii": LossMix(epe=0.3, photometric=0.4, angular=0.3),
}


def find_mix(name: str) -> LossMix:
    """Return a mix of `MIXES`.

    Raises:
        InputError: If the name is unknown.
    """
    if name not in MIXES:
        raise InputError(f"unknown loss {name!r}; use one of: {', '.join(MIXES)}")
    return MIXES[name]


def _fineness(level: str) -> tuple[int, float]:
    scale, _, update = level.removeprefix("flow").partition("_")
    return -int(scale), int(update) if update else math.inf if scale == "1" else 0


def paper_weights(levels: Iterable[str]) -> dict[str, float]:
    """Return the paper's weights of the levels: 5/6 for the finest, decreasing towards the coarsest.

    Args:
        levels: Names in any order: `flowK` is on 1/2^K of the grid, `flowK_U` the same after flow update U,
            and `flow1` is after all of them. A later update is a finer level.

    Examples:
        >>> {name: round(weight, 3) for name, weight in paper_weights(["flow4", "flow3", "flow2"]).items()}
        {'flow2': 0.833, 'flow3': 0.111, 'flow4': 0.056}
    """
    finest, *coarser = sorted(levels, key=_fineness, reverse=True)
    if not coarser:
        return {finest: 1.0}
    steps = {level: len(coarser) - k for k, level in enumerate(coarser)}
    share = (1 - _FINEST) / sum(steps.values())
    return {finest: _FINEST} | {level: share * step for level, step in steps.items()}
