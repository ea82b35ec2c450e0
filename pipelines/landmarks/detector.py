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

from pipelines.errors import InputError
from pipelines.landmarks import native_stderr

_MAX_FACES = 4  # Face Mesh needs a bound; the largest of these is taken


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a frame.

    Attributes:
        landmarks: float32 [478, 2], (x, y) in pixels; whole numbers are pixel centres.
        faces_in_frame: how many faces Face Mesh saw.
    """

    landmarks: np.ndarray
    faces_in_frame: int


class FaceMesh:
    """Finds the 478 landmarks of one face in a frame: the largest, or the one that was there before.

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

        with native_stderr.silenced():
            self._mesh = face_mesh.FaceMesh(
                static_image_mode=not tracking, max_num_faces=_MAX_FACES, refine_landmarks=True
            )
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))  # waits until all of it has started
        self._has_seen_a_face = False

    def __call__(self, frame: np.ndarray, same_as: np.ndarray | None = None) -> Face | None:
        """Find the face in a frame.

        Args:
            frame: uint8 [H, W, 3], RGB.
            same_as: landmarks of the face in another frame of the pair or clip. Then only a face whose box
                overlaps theirs is taken, the one that does most: of two people of a size, the largest can be
                another one in each frame.
        """
        height, width = frame.shape[:2]
        # MediaPipe's remaining notices come when it meets its first face.
        with nullcontext() if self._has_seen_a_face else native_stderr.silenced():
            found = self._mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks
        if not found:
            return None
        self._has_seen_a_face = True
        faces = np.array([[(point.x, point.y) for point in face.landmark] for face in found], np.float32)
        # MediaPipe counts from the picture's edge in units of its size; a pixel's centre is half a pixel in.
        faces = faces * np.float32([width, height]) - np.float32(0.5)
        if same_as is None:
            merit = np.ptp(faces, axis=1).prod(axis=1)
        else:
            low = np.maximum(faces.min(axis=1), same_as.min(axis=0))
            high = np.minimum(faces.max(axis=1), same_as.max(axis=0))
            merit = np.maximum(high - low, 0).prod(axis=1)
            if not merit.any():
                return None
        return Face(faces[merit.argmax()], len(found))

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


def find_face(face_mesh: FaceMesh, frame: np.ndarray, name: str, same_as: Face | None = None) -> Face:
    """Find the face in a frame that must have one.

    Args:
        face_mesh: that looks.
        frame: uint8 [H, W, 3], RGB.
        name: of the frame, for the message.
        same_as: the face in the pair's other frame.

    Raises:
        InputError: naming `name`, if there is none.
    """
    face = face_mesh(frame, None if same_as is None else same_as.landmarks)
    if face is None and same_as is not None:
        raise InputError(f"{name}: no face found where the other frame has one; are they of one shot?")
    if face is None:
        raise InputError(f"{name}: no face found; it should be upright, in view and at least 60 pixels wide")
    return face
