"""MediaPipe's Face Mesh graph: started quietly, and its answer in pixels.

References:
    Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
    Grishchenko et al., "Attention Mesh", 2020 (the 478-point model with lips, lids and irises refined).
"""

from contextlib import nullcontext
from functools import cache
from types import ModuleType

import numpy as np

from pipelines import native_stderr
from pipelines.import_stand_ins import stand_ins

_MAX_FACES = 4  # Face Mesh needs a bound
_BLANK = np.zeros((64, 64, 3), np.uint8)


class MediaPipeMesh:
    """Every face that Face Mesh sees in a picture.

    Args:
        tracking: follow faces from picture to picture. Otherwise each picture is processed by itself.
    """

    def __init__(self, tracking: bool):
        face_mesh = _face_mesh()  # takes seconds, and most of the package works without it
        with native_stderr.silenced():
            self._mesh = face_mesh.FaceMesh(
                static_image_mode=not tracking, max_num_faces=_MAX_FACES, refine_landmarks=True
            )
            self._mesh.process(_BLANK)  # waits until all of it has started
        self._has_seen_a_face = False
        self._tracking, self._follows = tracking, False

    def find(self, picture: np.ndarray) -> np.ndarray:
        """Return the landmarks of all faces.

        Args:
            picture: uint8 [H, W, 3], RGB.

        Returns:
            float32 [F, 478, 3], (x, y, z) in pixels; whole numbers are pixel centres, z points away from the
            camera and has an arbitrary origin. F is 0 where there is no face.
        """
        height, width = picture.shape[:2]
        # MediaPipe's remaining notices come when it meets its first face.
        with nullcontext() if self._has_seen_a_face else native_stderr.silenced():
            picture = np.ascontiguousarray(picture)
            found = self._mesh.process(picture).multi_face_landmarks or ()
            if self._tracking and found and not self._follows:
                # A face is looked at in the box of the detector first, and from then on in that of its own
                # landmarks, which gives another pose: the head would seem to move.
                found = self._mesh.process(picture).multi_face_landmarks or found
        self._has_seen_a_face |= bool(found)
        self._follows = bool(found)
        faces = np.array(
            [[(point.x, point.y, point.z) for point in face.landmark] for face in found], np.float32
        )
        # MediaPipe counts from the picture's edge in units of its size; a pixel's centre is half a pixel in.
        return faces.reshape(-1, 478, 3) * np.float32([width, height, width]) - np.float32([0.5, 0.5, 0])

    def reset(self) -> None:
        """Forget the faces that were followed."""
        with native_stderr.silenced():
            self._mesh.reset()
            self._mesh.process(_BLANK)  # the graph starts anew, with its notices
        self._has_seen_a_face = self._follows = False

    def close(self) -> None:
        """Release the graph."""
        self._mesh.close()


@cache  # so that later faces hide nothing from other threads
def _face_mesh() -> ModuleType:
    """Import Face Mesh without TensorFlow and JAX, which MediaPipe imports if it can and does not need.

    Face Mesh runs on MediaPipe's own TensorFlow Lite; without the two its import takes 2 seconds instead of
    12, which is most of the time of `faceflow label`.
    """
    with stand_ins({"tensorflow": None, "jax": None}):
        from mediapipe.python.solutions import face_mesh
    return face_mesh
