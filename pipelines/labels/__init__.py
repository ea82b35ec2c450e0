"""Dense flow labels from facial key-points: one interface, the method chosen by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.errors import InputError
from pipelines.labels.confidence import photometric_confidence
from pipelines.labels.matching import match_landmarks
from pipelines.labels.mesh import mesh_label
from pipelines.labels.refined import refined_confidence, refined_label
from pipelines.labels.sparse import sparse_label
from pipelines.labels.spline import spline_label
from pipelines.landmarks.face_mesh import NUM_LANDMARKS


@dataclass(frozen=True, eq=False)
class Label:
    """A dense flow label on frame 1's grid.

    Attributes:
        flow: float32 [H, W, 2], pixels, 0 where not valid.
        valid: bool [H, W], where the method says something.
        rate: finds the confidence. That takes longer than many a label, and training does without it.
    """

    flow: np.ndarray
    valid: np.ndarray
    rate: Callable[[], np.ndarray]

    @cached_property
    def confidence(self) -> np.ndarray:
        """How well the pictures bear the label out: float32 [H, W] in [0, 1], 0 where not valid."""
        return self.rate()


LabelMethod = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Label]


def _of_points(points_label: Callable[..., tuple[np.ndarray, np.ndarray]]) -> LabelMethod:
    """Make a method of one that looks at the landmarks alone."""

    def method(frame1, frame2, landmarks1, landmarks2):
        flow, valid = points_label(landmarks1, landmarks2, frame1.shape[:2])
        return Label(flow, valid, lambda: photometric_confidence(frame1, frame2, flow, valid))

    return method


_mesh = _of_points(mesh_label)


def _mesh_matched(
    frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray
) -> Label:
    return _mesh(frame1, frame2, landmarks1, match_landmarks(frame1, frame2, landmarks1, landmarks2))


def _refined(frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray) -> Label:
    given = frame1, frame2, landmarks1, landmarks2
    flow, valid = refined_label(*given)
    return Label(flow, valid, lambda: refined_confidence(*given, flow, valid))


METHODS: dict[str, LabelMethod] = {
    "sparse": _of_points(sparse_label),
    "mesh": _mesh,
    "mesh_matched": _mesh_matched,
    "spline": _of_points(spline_label),
    "refined": _refined,
}


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
        frame2: uint8 [H, W, 3], RGB, of the same size.
        landmarks1: float [478, 2], (x, y) in pixels of frame 1; `sparse` takes a corpus' own, too.
        landmarks2: float [478, 2], the same points in frame 2.

    Raises:
        InputError: for an unknown method, frames that differ in size or landmarks of another shape.
    """
    check_method(method)
    if frame1.shape != frame2.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (frame1, frame2))
        raise InputError(f"the two frames differ in size: {sizes}")
    if method != "sparse" and len(landmarks1) != NUM_LANDMARKS:
        raise InputError(
            f"label {method!r} needs the {NUM_LANDMARKS} landmarks of Face Mesh, not {len(landmarks1)}; with "
            "a corpus' own landmarks take sparse, or synthesised in training"
        )
    return METHODS[method](frame1, frame2, landmarks1, landmarks2)
