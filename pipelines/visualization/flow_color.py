"""Colour coding of flow: hue is the direction, saturation the magnitude.

The colours are those of the Middlebury benchmark: red is right, yellow down, blue-green left, violet up, and
white no motion.

References:
    Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, section 4.
"""

import numpy as np

_UNKNOWN_GREY = 0.5

# Colour wheel of Middlebury: red -> yellow -> green -> cyan -> blue -> magenta -> red, with the number of
# steps between corners.
_CORNERS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]], float)
_STEPS = (15, 6, 4, 11, 13, 6)
_WHEEL = np.concatenate(
    [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(_CORNERS, _CORNERS[1:], _STEPS, strict=False)]
)


def full_length(flow: np.ndarray, valid: np.ndarray) -> float:
    """Return the magnitude of a flow that is shown at full saturation, in pixels.

    That is the 99th percentile, and at least 0.1, so that noise on a still face stays pale.

    Args:
        flow: Flow, float [H, W, 2], pixels.
        valid: Where the flow is valid and finite, bool [H, W].

    Examples:
        >>> import numpy as np
        >>> full_length(np.full((2, 2, 2), [3.0, 4.0]), np.ones((2, 2), bool))
        5.0
    """
    known = np.linalg.norm(flow[valid], axis=-1)
    return max(float(np.percentile(known, 99)) if known.size else 0.0, 0.1)


def flow_to_color(
    flow: np.ndarray, valid: np.ndarray | None = None, max_length: float | None = None
) -> np.ndarray:
    """Convert a flow to an image.

    Args:
        flow: Flow, float [H, W, 2], pixels.
        valid: Where the flow is valid, bool [H, W]; invalid and non-finite pixels become grey.
        max_length: Flow magnitude at full saturation, pixels; larger magnitudes are darker. By default
            `full_length` of the flow.

    Returns:
        Image, uint8 [H, W, 3], RGB.

    References:
        Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, section 4.

    Examples:
        Motion to the right is red:

        >>> import numpy as np
        >>> flow = np.tile(np.float32([1, 0]), (2, 2, 1))
        >>> flow_to_color(flow, max_length=1)[0, 0]
        array([255,   0,   0], dtype=uint8)
    """
    known = np.isfinite(flow).all(axis=-1)
    valid = known if valid is None else (np.asarray(valid) != 0) & known
    flow = np.where(valid[..., None], flow, 0).astype(np.float64)
    length = np.hypot(flow[..., 0], flow[..., 1])
    relative = length / (full_length(flow, valid) if max_length is None else max_length)

    turn = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1.0
    position = turn * len(_WHEEL)
    lower = position.astype(int) % len(_WHEEL)
    weight = (position - np.floor(position))[..., None]
    hue = (1 - weight) * _WHEEL[lower] + weight * _WHEEL[(lower + 1) % len(_WHEEL)]

    inside = np.clip(relative, 0, 1)[..., None]
    colour = np.where(relative[..., None] <= 1, 1 - inside * (1 - hue), 0.75 * hue)
    colour[~valid] = _UNKNOWN_GREY
    return np.round(colour * 255).astype(np.uint8)


def colour_wheel(size: int = 101) -> np.ndarray:
    """Return the colour wheel, the legend of `flow_to_color`, on grey.

    Args:
        size: Width and height in pixels.

    Returns:
        Image, uint8 [size, size, 3], RGB; the rim is `max_length`.
    """
    axis = np.linspace(-1, 1, size)
    flow = np.stack(np.meshgrid(axis, axis), axis=-1)
    return flow_to_color(flow, valid=np.hypot(flow[..., 0], flow[..., 1]) <= 1, max_length=1)
