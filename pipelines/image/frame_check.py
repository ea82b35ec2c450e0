"""The check of frames."""

import numpy as np

from pipelines.errors import InputError


def check_frame(frame: np.ndarray) -> None:
    """Raise `InputError` unless a frame is uint8 [H, W, 3] and has a pixel."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
        shape = "x".join(map(str, frame.shape))
        raise InputError(f"a frame is RGB, uint8 of the shape (H, W, 3), but one is {frame.dtype} of {shape}")


def check_frames(frame1: np.ndarray, frame2: np.ndarray) -> None:
    """Raise `InputError` unless two frames are uint8 [H, W, 3] of one size.

    Examples:
        >>> check_frames(np.zeros((9, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8))
        Traceback (most recent call last):
        pipelines.errors.InputError: the two frames differ in size: 8x9 and 8x8
    """
    for frame in (frame1, frame2):
        check_frame(frame)
    if frame1.shape != frame2.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (frame1, frame2))
        raise InputError(f"the two frames differ in size: {sizes}")
