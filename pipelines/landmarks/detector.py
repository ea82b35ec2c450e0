"""The face of a frame: found at any size, followed in a clip, and checked to be a face."""

from dataclasses import dataclass

import numpy as np

from pipelines.errors import InputError
from pipelines.image.frame_check import check_frame
from pipelines.landmarks.face_check import (
    CLEAR_MIRROR_ERROR,
    LARGEST_MIRROR_ERROR,
    LARGEST_SHAPE_ERROR,
    mirror_error,
    same_face,
    shape_error,
)
from pipelines.landmarks.face_views import View, search_levels, turned, view_around, whole_view
from pipelines.landmarks.mediapipe_mesh import MediaPipeMesh

_CHECK_VIEW = 2.0  # side of the square in which a face is checked, in units of the face
_TRACK_VIEW = 4.0  # side of the square in which a small or turned face is followed
_TRACK_MARGIN = 0.3  # space around a face that is followed there, in units of the face
_CHECK_INTERVAL = 25  # frames of a clip after which a face that is followed is checked again
_SEARCH_INTERVAL = 25  # frames of a clip without a face between two searches at all sizes


class NoFaceError(InputError):
    """A frame in which a face is needed has none."""


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a frame.

    Attributes:
        landmarks: float32 [478, 2], (x, y) in pixels; whole numbers are pixel centres.
        faces_in_frame: number of faces that Face Mesh found.
    """

    landmarks: np.ndarray
    faces_in_frame: int


class FaceMesh:
    """Finds the 478 landmarks of one face in a frame: the largest, or the one of another frame.

    A face counts if Face Mesh gives the same landmarks for the mirrored picture and their shape is that of a
    face (`face_check`). One that is not found in the whole frame is searched for upside down, on either side,
    and in parts of the frame (`face_views`): a face is found at any angle in the picture plane, if it is at
    least about a tenth as wide as the frame, turned to the side by up to about 60 degrees, and, if it is
    upright, from about 60 pixels on at any size.

    Args:
        tracking: follow the face through the frames of a clip, given in order; steadier and faster than to
            find it in each frame by itself, as it is done otherwise.

    Examples:
        >>> import skimage.data
        >>> with FaceMesh() as face_mesh:
        ...     face = face_mesh(skimage.data.astronaut())  # None where there is no face
        >>> face.landmarks.shape
        (478, 2)
    """

    def __init__(self, tracking: bool = False):
        self._still = MediaPipeMesh(tracking=False)
        self._tracker = MediaPipeMesh(tracking=True) if tracking else None
        self.reset()

    def reset(self) -> None:
        """Forget the face that is followed, as at a cut in a clip."""
        if self._tracker:
            self._tracker.reset()
        self._view: View | None = None  # in which the face is followed; None for the whole frame
        self._last: np.ndarray | None = None
        self._since_check = 0
        self._until_search = 0

    def __call__(self, frame: np.ndarray, same_as: np.ndarray | None = None) -> Face | None:
        """Find the face in a frame.

        Args:
            frame: uint8 [H, W, 3], RGB.
            same_as: landmarks of the face in another frame of the pair or clip. Only a face whose box
                overlaps theirs is taken, the one that overlaps most: of two people of equal size, the largest
                can be another one in each frame.

        Raises:
            InputError: if the frame is not uint8 [H, W, 3].
        """
        check_frame(frame)  # Face Mesh cannot be used again after a frame that it cannot read
        view = self._view or whole_view(frame)
        face = self._face_in([view], frame, same_as, self._tracker or self._still)
        if face is None and self._view is not None:
            self._follow(None)
            face = self._face_in([whole_view(frame)], frame, same_as, self._tracker)
        if face is None and self._until_search <= 0:
            self._until_search = _SEARCH_INTERVAL if self._tracker else 0
            for views in search_levels(frame):
                if face := self._face_in(views, frame, same_as, self._still):
                    break
        self._until_search = 0 if face else self._until_search - 1
        self._last = face and face.landmarks
        return face

    def _face_in(
        self, views: list[View], frame: np.ndarray, same_as: np.ndarray | None, mesh: MediaPipeMesh
    ) -> Face | None:
        """Find the best face in some views of a frame that passes the check."""
        found = [(view, points) for view in views for points in view.to_frame(mesh.find(view.picture(frame)))]
        merits = [_merit(points[:, :2], same_as) for _, points in found]
        for k in np.argsort(merits)[::-1].tolist():
            view, points = found[k]
            if merits[k] > 0 and self._is_face(view, points, frame, same_as):
                leaves = self._view and not self._view.holds(points, _TRACK_MARGIN, frame)
                if self._tracker and (mesh is self._still or leaves):
                    self._follow(view_around(points, frame, _TRACK_VIEW, view.turns))
                return Face(np.ascontiguousarray(points[:, :2]), _count_apart(found))
        return None

    def _is_face(self, view: View, points: np.ndarray, frame: np.ndarray, same_as: np.ndarray | None) -> bool:
        if not np.isfinite(points).all() or shape_error(points) > LARGEST_SHAPE_ERROR:
            return False
        known = self._last if self._tracker else same_as
        is_followed = known is not None and same_face(points[:, :2], known)
        if is_followed and self._since_check < _CHECK_INTERVAL:
            self._since_check += 1 if self._tracker else 0
            return True
        around = view_around(points, frame, _CHECK_VIEW, view.turns)
        error = self._mirror_error(around, points, frame)
        self._since_check = 0
        if error > CLEAR_MIRROR_ERROR:
            # The mesh of a face that is upside down is a worse one than that of the picture turned round.
            other = turned(around)
            for opposite in other.to_frame(self._still.find(other.picture(frame))):
                if self._mirror_error(other, opposite, frame) < error:
                    return False
        return error <= LARGEST_MIRROR_ERROR

    def _mirror_error(self, view: View, points: np.ndarray, frame: np.ndarray) -> float:
        """Return the smallest mirror error of what is found in the mirrored view."""
        here = view.to_picture(points)
        found = self._still.find(view.picture(frame)[:, ::-1])
        return min((mirror_error(here, each, view.picture_width) for each in found), default=np.inf)

    def _follow(self, view: View | None) -> None:
        """Follow the face in another view from the next frame on."""
        self._view = view
        if self._tracker:
            self._tracker.reset()

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(self, *error) -> None:
        self._still.close()
        if self._tracker:
            self._tracker.close()


def _merit(points: np.ndarray, same_as: np.ndarray | None) -> float:
    """Return the area of a face's box, or of what it has in common with the box of another face."""
    if same_as is None:
        return float(np.ptp(points, axis=0).prod())
    low = np.maximum(points.min(axis=0), same_as.min(axis=0))
    high = np.minimum(points.max(axis=0), same_as.max(axis=0))
    return float(np.maximum(high - low, 0).prod())


def _count_apart(found: list[tuple[View, np.ndarray]]) -> int:
    """Count faces whose centres do not lie in the box of one that was counted: views overlap."""
    counted: list[np.ndarray] = []
    for _, points in found:
        centre = points[:, :2].mean(axis=0)
        if not any(((each.min(axis=0) < centre) & (centre < each.max(axis=0))).all() for each in counted):
            counted.append(points[:, :2])
    return len(counted)


def find_face(face_mesh: FaceMesh, frame: np.ndarray, name: str, same_as: Face | None = None) -> Face:
    """Find the face in a frame that must have one.

    Args:
        face_mesh: detector of the face.
        frame: uint8 [H, W, 3], RGB.
        name: name of the frame, for the message.
        same_as: the face in the pair's other frame.

    Raises:
        NoFaceError: naming `name`, if there is none.
    """
    face = face_mesh(frame, None if same_as is None else same_as.landmarks)
    if face is None and same_as is not None:
        raise NoFaceError(f"{name}: no face found where the other frame has one; are they of one shot?")
    if face is None:
        raise NoFaceError(
            f"{name}: no face found; it should look towards the camera, be in view and at least 60 pixels "
            "wide"
        )
    return face
