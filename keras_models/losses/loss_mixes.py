"""Mixes of loss terms by name, as data: importing them loads nothing heavy.

References:
    Alkaddour, Tariq, Dhall, "Self-Supervised Approach for Facial Movement Based Optical Flow", IEEE Trans.
    Affective Computing 13(4), 2022, experiments 1 to 3. The weights belong to the units in which its code
    computes: end-point error in pixels, photometric error in grey levels of 255, angular error in radians,
    smoothness in pixels per pixel.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.errors import InputError

_FINEST = 5 / 6  # of the paper's weight of the end-point error


@dataclass(frozen=True)
class LossMix:
    """Weights of the terms of a loss.

    Attributes:
        epe: of the multi-scale end-point error, in pixels.
        photometric: of the difference between frame 1 and frame 2 warped back, in grey levels of 255.
        angular: of the angular error, in radians.
        smoothness: of the change of the flow where the picture has no edge, in pixels per pixel.
        exponent: of each pixel's end-point error; below 1, small errors count for more and outliers for less.
        paper_levels: weigh the levels as the paper does, and not as the network states.
    """

    epe: float
    photometric: float = 0.0
    angular: float = 0.0
    smoothness: float = 0.0
    exponent: float = 1.0
    paper_levels: bool = True


#: `epe` is the default, and `robust` the same with less weight on what is far off, as PWC-Net is fine-tuned;
#: the others are the paper's experiments.
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
    """Return a mix of `MIXES`, or raise `InputError` for an unknown name."""
    if name not in MIXES:
        raise InputError(f"unknown loss {name!r}; there are: {', '.join(MIXES)}")
    return MIXES[name]


def paper_weights(levels: Iterable[str]) -> dict[str, float]:
    """Return the paper's weights of the levels: 5/6 for the finest, the rest falling towards the coarsest.

    Args:
        levels: names `flowK`, in any order; level K is 1/2^K of the grid.
    """
    finest, *coarser = sorted(levels)
    if not coarser:
        return {finest: 1.0}
    steps = {level: len(coarser) - k for k, level in enumerate(coarser)}
    share = (1 - _FINEST) / sum(steps.values())
    return {finest: _FINEST} | {level: share * step for level, step in steps.items()}
