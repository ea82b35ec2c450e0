"""Settings of data augmentation, apart from the code so that `--help` does not load it."""

from pipelines.settings import number, settings


@settings
class Augmentation:
    """Settings of the augmentation of training pairs.

    Attributes:
        rotation: Maximum rotation of both frames, degrees.
        scale: Maximum factor by which both frames are enlarged or reduced.
        translation: Maximum translation of both frames along each axis, as a share of the crop size.
        flip_probability: Probability of a horizontal flip of both frames.
        relative_probability: Probability of an additional motion of frame 2 alone: a rotation, a change of
            size, a translation and an elastic deformation.
        relative_rotation: Standard deviation of the rotation of frame 2, degrees.
        relative_scale: Standard deviation of the relative change of size of frame 2.
        relative_translation: Largest standard deviation of the translation of frame 2, pixels of the crop;
            that of a pair is drawn between 0 and it.
        elastic_amplitude: Maximum displacement of the elastic deformation of frame 2, pixels of the crop. The
            amplitude of a pair is drawn log-uniformly between a tenth of it and itself; 0 turns it off.
        elastic_knots: Maximum number of knots of the elastic deformation along each axis. The deformation is
            drawn at the knots, whose number is drawn from 4 on, and is cubic in between: more knots strain
            the face more at the same amplitude.
        residual_probability: Probability that frame 2 is warped back by an approximate flow, as a tracker
            does: the affine or the smooth part of the flow, with a smooth error. The rest is the label.
        residual_error: Maximum of that error, pixels of the crop, drawn like the elastic amplitude.
        contrast: Maximum relative change of contrast.
        gamma: Maximum exponent of the gamma correction, or its inverse.
        brightness: Maximum change of brightness, as a share of the full range.
        colour: Maximum relative change of each colour channel.
        asymmetry: Share of the photometric changes that differ between the two frames.
        noise: Maximum standard deviation of the Gaussian noise, as a share of the full range.
        blur: Maximum standard deviation of the Gaussian blur, pixels.
    """

    rotation: float = number(default=15.0, minimum=0, maximum=180)
    scale: float = number(default=1.35, minimum=1)
    translation: float = number(default=0.12, minimum=0)
    flip_probability: float = number(default=0.5, minimum=0, maximum=1)
    relative_probability: float = number(default=0.6, minimum=0, maximum=1)
    relative_rotation: float = number(default=0.8, minimum=0)
    relative_scale: float = number(default=0.01, minimum=0)
    relative_translation: float = number(default=1.0, minimum=0)
    elastic_amplitude: float = number(default=6.0, minimum=0)
    elastic_knots: int = number(default=8, minimum=4)
    residual_probability: float = number(default=0.0, minimum=0, maximum=1)
    residual_error: float = number(default=1.5, minimum=0)
    contrast: float = number(default=0.35, minimum=0)
    gamma: float = number(default=1.35, minimum=1)
    brightness: float = number(default=0.12, minimum=0)
    colour: float = number(default=0.15, minimum=0)
    asymmetry: float = number(default=0.12, minimum=0)
    noise: float = number(default=0.025, minimum=0)
    blur: float = number(default=0.7, minimum=0)
