"""How much training pairs are changed, apart from the code so that `--help` need not load it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """How much pairs are changed. Lengths are in pixels of the crop; 0 turns a change off.

    Attributes:
        rotation: greatest angle of both frames, degrees.
        scale: greatest factor on the size of both frames, and its inverse.
        shift: greatest displacement of both frames, as a share of the crop.
        flip: how often left and right are exchanged.
        relative: greatest share of pairs whose frame 2 moves on its own.
        relative_rotation: of frame 2, standard deviation, degrees.
        relative_scale: of frame 2, standard deviation.
        relative_shift: of frame 2, standard deviation, pixels.
        bend: greatest of the smooth displacements of frame 2, pixels, drawn log-evenly from a tenth of it.
        contrast: greatest relative change.
        gamma: greatest factor on the exponent, and its inverse.
        brightness: greatest change, of 1.
        colour: greatest relative change of each channel.
        asymmetry: how much of these changes the two frames do not share.
        noise: greatest standard deviation, of 1.
        blur: greatest standard deviation, pixels.
    """

    rotation: float = 15.0
    scale: float = 1.35
    shift: float = 0.12
    flip: float = 0.5
    relative: float = 0.6
    relative_rotation: float = 0.8
    relative_scale: float = 0.01
    relative_shift: float = 1.0
    bend: float = 6.0
    contrast: float = 0.35
    gamma: float = 1.35
    brightness: float = 0.12
    colour: float = 0.15
    asymmetry: float = 0.12
    noise: float = 0.025
    blur: float = 0.7
