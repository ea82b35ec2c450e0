"""The check that two frames have one size."""

import numpy as np

from pipelines.errors import InputError


def check_same_size(frame1: np.ndarray, frame2: np.ndarray) -> None:
    """Raise `InputError` unless two frames, [H, W, C], have the same shape.

    Examples:
        >>> check_same_size(np.zeros((9, 8, 3)), np.zeros((8, 8, 3)))
        Traceback (most recent call last):
        pipelines.errors.InputError: the two frames differ in size: 8x9 and 8x8
    """
    if frame1.shape != frame2.shape:
        with_channels = frame1.shape[:2] == frame2.shape[:2]
        sizes = " and ".join(
            "x".join(map(str, (*frame.shape[1::-1], *frame.shape[2 if with_channels else 3 :])))
            for frame in (frame1, frame2)
        )
        raise InputError(f"the two frames differ in size: {sizes}")
