"""Facial landmarks by MediaPipe's Face Mesh, with the model files inside MediaPipe's wheel.

References:
    Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
    Grishchenko et al., "Attention Mesh", 2020 (the 478-point model with lips, lids and irises refined).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from pipelines import native_noise
from pipelines.errors import InputError

_MAX_FACES = 4  # Face Mesh needs a bound; the largest of these is taken


@dataclass(frozen=True, eq=False)
class Face:
    """The largest face of a frame.

    Attributes:
        landmarks: float32 [478, 2], (x, y) in pixels; whole numbers are pixel centres.
        faces_in_frame: how many faces Face Mesh saw.
    """

    landmarks: np.ndarray
    faces_in_frame: int


class FaceMesh:
    """Finds the 478 landmarks of the largest face in a frame.

    Args:
        tracking: for the frames of one clip in order: the face is followed from frame to frame, which is
            steadier and faster. Otherwise each frame is looked at by itself, as two stills should be.

    Example:
        >>> with FaceMesh() as face_mesh:
        ...     face = face_mesh(frame)  # None where there is no face
    """

    def __init__(self, tracking: bool = False):
        # Imported here: it takes seconds, and most of the package works without it.
        with _without_optional_imports():
            from mediapipe.python.solutions import face_mesh

        with native_noise.silenced():
            self._mesh = face_mesh.FaceMesh(
                static_image_mode=not tracking, max_num_faces=_MAX_FACES, refine_landmarks=True
            )
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))  # waits until all of it has started
        self._has_seen_a_face = False

    def __call__(self, frame: np.ndarray) -> Face | None:
        """Find the face in a frame, uint8 [H, W, 3] RGB."""
        height, width = frame.shape[:2]
        # MediaPipe's remaining notices come when it meets its first face.
        with nullcontext() if self._has_seen_a_face else native_noise.silenced():
            found = self._mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks
        if not found:
            return None
        self._has_seen_a_face = True
        faces = np.array([[(point.x, point.y) for point in face.landmark] for face in found], np.float32)
        largest = np.ptp(faces, axis=1).prod(axis=1).argmax()
        # MediaPipe counts from the picture's edge in units of its size; a pixel's centre is half a pixel in.
        return Face(faces[largest] * np.float32([width, height]) - np.float32(0.5), len(found))

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(self, *error) -> None:
        self._mesh.close()


@contextmanager
def _without_optional_imports() -> Iterator[None]:
    """Hide TensorFlow and JAX while MediaPipe is imported, which takes them if it can and does not need them.

    Face Mesh runs on MediaPipe's own TensorFlow Lite; without the two its import takes 2 seconds instead of
    12, which is most of the time of `faceflow label`.
    """
    hidden = [name for name in ("tensorflow", "jax") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def find_face(face_mesh: FaceMesh, frame: np.ndarray, name: str) -> Face:
    """Find the face in a frame that must have one.

    Raises:
        InputError: naming `name`, if there is none.
    """
    face = face_mesh(frame)
    if face is None:
        raise InputError(f"{name}: no face found; it should be upright, in view and at least 60 pixels wide")
    return face
