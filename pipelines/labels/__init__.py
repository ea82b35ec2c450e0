"""Dense flow labels from facial key-points: one interface, the method chosen by name."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.errors import InputError
from pipelines.labels.mesh import mesh_label


@dataclass(frozen=True, eq=False)
class Label:
    """A dense flow label on frame 1's grid.

    Attributes:
        flow: float32 [H, W, 2], pixels, 0 where not valid.
        valid: bool [H, W], where the method says something.
    """

    flow: np.ndarray
    valid: np.ndarray


LabelMethod = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Label]


def _mesh(frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray) -> Label:
    return Label(*mesh_label(landmarks1, landmarks2, frame1.shape[:2]))


METHODS: dict[str, LabelMethod] = {"mesh": _mesh}


def check_method(method: str) -> None:
    """Raise `InputError` unless `METHODS` has this one."""
    if method not in METHODS:
        raise InputError(f"unknown label method {method!r}; there are: {', '.join(METHODS)}")


def make_label(
    method: str, frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray
) -> Label:
    """Make the label of a pair.

    Args:
        method: a key of `METHODS`.
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], (x, y) in pixels of frame 2.

    Raises:
        InputError: for an unknown method or landmarks of another shape.
    """
    check_method(method)
    return METHODS[method](frame1, frame2, landmarks1, landmarks2)
