"""Features as 8-bit pictures, the form in which users of STSTNet and HTNet have and expect them.

A picture is 28 x 28, red = u (to the right), green = v (down), blue = optical strain. Each channel is
stretched to 0..255 by its own least and largest value. That loses two things, which no reader can get back:

- the value of zero motion: the median of a channel stands for it, for most of a face is at rest;
- the scale of each channel, and with it how u compares with v.
"""

import numpy as np

from pipelines.micro_expressions.features import SIZE

SHAPE = (SIZE, SIZE, 3)


def to_picture(features: np.ndarray) -> np.ndarray:
    """Stretch features to a picture.

    Args:
        features: float [28, 28, 3]: u, v, strain.

    Returns:
        uint8 [28, 28, 3], RGB. A channel that is the same everywhere becomes 0.

    Examples:
        >>> features = np.zeros((28, 28, 3), np.float32)
        >>> features[0, 0, 1], features[0, 1, 1] = -2.0, 2.0
        >>> to_picture(features)[0, :3, 1].tolist()
        [0, 255, 128]
    """
    low, high = features.min(axis=(0, 1)), features.max(axis=(0, 1))
    return np.round((features - low) / np.where(high > low, high - low, 1) * 255).astype(np.uint8)


def from_picture(picture: np.ndarray) -> np.ndarray:
    """Read features back, as far as the picture holds them.

    Args:
        picture: uint8 [28, 28, 3], RGB.

    Returns:
        float32 [28, 28, 3]: u and v less their medians, strain less its least value, normalised by
        `normalise`.
    """
    values = picture.astype(np.float32)
    rest = np.concatenate([np.median(values[..., :2], axis=(0, 1)), values[..., 2:].min(axis=(0, 1))])
    return normalise(values - rest)


def normalise(features: np.ndarray) -> np.ndarray:
    """Give u and v the same root mean square, 1/sqrt(2) each, and strain 1.

    The size of `flow_features`, without the ratio of u to v, which pictures do not hold: features of any
    origin can be compared after it. A channel without motion stays 0.

    Args:
        features: float32 [..., 28, 28, 3].

    Returns:
        float32, as `features`.
    """
    size = np.sqrt(np.mean(np.square(features), axis=(-3, -2), keepdims=True))
    wanted = np.array([0.5**0.5, 0.5**0.5, 1.0], np.float32)
    return (features / np.where(size > 0, size, 1) * wanted).astype(np.float32)
