"""Dense flow labels from facial landmarks: one interface, the method chosen by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.errors import InputError
from pipelines.image.frame_check import check_frames
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
        flow: Flow from frame 1 to frame 2, float32 [H, W, 2], pixels; 0 where `valid` is False.
        valid: Where the method defines the flow, bool [H, W].
        compute_confidence: Function that computes `confidence`. It takes longer than most labels, and
            training does not need it.
    """

    flow: np.ndarray
    valid: np.ndarray
    compute_confidence: Callable[[], np.ndarray]

    @cached_property
    def confidence(self) -> np.ndarray:
        """Confidence from the images, float32 [H, W] in [0, 1]; 0 where not valid. Computed once."""
        return self.compute_confidence()


LabelMethod = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Label]


def _from_landmarks(interpolate: Callable[..., tuple[np.ndarray, np.ndarray]]) -> LabelMethod:
    """Make a label method from a function of the landmarks and the image size alone."""

    def method(frame1, frame2, landmarks1, landmarks2):
        flow, valid = interpolate(landmarks1, landmarks2, frame1.shape[:2])
        return Label(flow, valid, lambda: photometric_confidence(frame1, frame2, flow, valid))

    return method


_mesh = _from_landmarks(mesh_label)


def _mesh_matched(
    frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray
) -> Label:
    return _mesh(frame1, frame2, landmarks1, match_landmarks(frame1, frame2, landmarks1, landmarks2))


def _refined(frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray) -> Label:
    pair = frame1, frame2, landmarks1, landmarks2
    flow, valid = refined_label(*pair)
    return Label(flow, valid, lambda: refined_confidence(*pair, flow, valid))


#: Label methods by name; docs/labels.md compares them.
METHODS: dict[str, LabelMethod] = {
    "sparse": _from_landmarks(sparse_label),
    "mesh": _mesh,
    "mesh_matched": _mesh_matched,
    "spline": _from_landmarks(spline_label),
    "refined": _refined,
}


def check_method(method: str) -> None:
    """Raise `InputError` unless `method` is a key of `METHODS`."""
    if method not in METHODS:
        raise InputError(f"unknown label method {method!r}; use one of: {', '.join(METHODS)}")


def make_label(
    method: str, frame1: np.ndarray, frame2: np.ndarray, landmarks1: np.ndarray, landmarks2: np.ndarray
) -> Label:
    """Make a dense flow label for a pair of frames.

    Args:
        method: Name of the method, a key of `METHODS`.
        frame1: First frame, uint8 [H, W, 3], RGB.
        frame2: Second frame, uint8 [H, W, 3], RGB, of the same size.
        landmarks1: Landmarks in frame 1, float [478, 2], (x, y) in pixels. `sparse` also takes the 68 or 49
            landmarks that a corpus provides.
        landmarks2: The same landmarks in frame 2.

    Returns:
        The label: flow from frame 1 to frame 2 in pixels, where it is valid, and its confidence.

    Raises:
        InputError: if the method is unknown, the frames are not uint8 of one size, or the landmarks have
            another shape.

    Examples:
        A face that moves right by 2 pixels:

        >>> import numpy as np
        >>> landmarks = np.random.default_rng(0).uniform(8, 56, (478, 2))
        >>> frame = np.zeros((64, 64, 3), np.uint8)
        >>> label = make_label("mesh", frame, frame, landmarks, landmarks + [2, 0])
        >>> label.flow.shape, label.flow[label.valid].mean(axis=0)
        ((64, 64, 2), array([2., 0.], dtype=float32))
    """
    check_method(method)
    check_frames(frame1, frame2)
    if method != "sparse" and len(landmarks1) != NUM_LANDMARKS:
        raise InputError(
            f"label method {method!r} needs the {NUM_LANDMARKS} landmarks of Face Mesh, but got "
            f"{len(landmarks1)}; with the landmarks of a corpus use sparse, or synthesised in training"
        )
    return METHODS[method](frame1, frame2, landmarks1, landmarks2)
