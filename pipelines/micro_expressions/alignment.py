"""Aligned face crops: every face upright, of one size and at one position.

A similarity maps the landmarks that move least with expression (`head_motion.STABLE`) to their positions on
the base head of the rendered faces. Both frames of a pair are cut by the same similarity, so motion in the
crops is motion in the frames.
"""

from functools import lru_cache

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh, find_face
from pipelines.landmarks.face_mesh import with_irises
from pipelines.landmarks.head_motion import STABLE
from pipelines.synthetic.renderer.geometry.head import head_model

#: Width and height of an aligned crop, pixels: eight times that of the features.
CROP = 224

#: Mean motion of the head, pixels of the crop, above which a frame is aligned by its own landmarks.
FAR = 4.0
_SIDE = 18.0  # width and height of a crop, cm of the base head: from ear to ear and from brow to chin
_CENTRE = (0.0, 3.0)  # of the crop, cm right of and below the middle between the eyes


@lru_cache(maxsize=1)
def template() -> np.ndarray:
    """Landmarks of the base head in a crop: float32 [478, 2], (x, y) in pixels."""
    face = with_irises(head_model().vertices[:468, :2].astype(np.float64))
    return ((face - _CENTRE) * (CROP / _SIDE) + (CROP - 1) / 2).astype(np.float32)


def alignment(landmarks: np.ndarray) -> np.ndarray:
    """Fit the similarity from a frame to its aligned crop.

    Args:
        landmarks: float [478, 2], (x, y) in pixels of the frame.

    Returns:
        float64 [2, 3]: crop = A (x, y, 1), in pixels.

    References:
        Umeyama, "Least-squares estimation of transformation parameters between two point patterns", TPAMI
        13(4), 1991; in the plane its solution is the complex regression line.
    """
    here, there = (points[STABLE].astype(np.float64) @ [1, 1j] for points in (landmarks, template()))
    centred = here - here.mean()
    turn = np.vdot(centred, there - there.mean()) / np.vdot(centred, centred)
    shift = there.mean() - turn * here.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align(frame: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Cut the aligned crop out of a frame; outside of the frame, its border is repeated.

    Args:
        frame: uint8 [H, W, 3], RGB.
        similarity: transform that `alignment` returns.

    Returns:
        uint8 [224, 224, 3], RGB.
    """
    scale = float(np.hypot(*similarity[:, 0]))
    if scale < 1:
        # Averaged down first: a warp reads single pixels, and fine texture would alias.
        size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
        stretch = np.array(frame.shape[1::-1]) / size
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        # Pixel p of the small frame is centred on stretch (p + 1/2) - 1/2 of the large one.
        linear = similarity[:, :2] * stretch
        similarity = np.column_stack([linear, similarity[:, :2] @ ((stretch - 1) / 2) + similarity[:, 2]])
    return cv2.warpAffine(
        frame, similarity, (CROP, CROP), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def aligned_crops(
    onset: np.ndarray,
    apex: np.ndarray,
    face_mesh: FaceMesh,
    names: tuple[str, str] = ("onset", "apex"),
) -> tuple[np.ndarray, np.ndarray]:
    """Find the face in two frames of a clip and cut both out.

    Args:
        onset: uint8 [H, W, 3], RGB.
        apex: uint8 [H, W, 3], RGB, of the same size.
        face_mesh: detector of the face.
        names: names of the frames, for messages.

    Returns:
        Both crops, uint8 [224, 224, 3], RGB; the apex as by `align_like`.

    Raises:
        InputError: naming the frame, if it has no face; if the frames differ in size.
    """
    if onset.shape != apex.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (onset, apex))
        raise InputError(f"{names[0]}, {names[1]}: frames of one clip have one size, not {sizes}")
    face = find_face(face_mesh, onset, names[0])
    moved = find_face(face_mesh, apex, names[1], same_as=face)
    return align(onset, alignment(face.landmarks)), align_like(apex, moved.landmarks, face.landmarks)


def align_like(frame: np.ndarray, landmarks: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Cut a later frame of a clip by the similarity of its first one, so that motion is preserved.

    Where the head has moved far, the frame is aligned by its own landmarks: their error is small compared
    with that motion, and the remaining motion is small enough for estimators of flow.

    Args:
        frame: uint8 [H, W, 3], RGB.
        landmarks: float32 [478, 2] of the frame.
        first: float32 [478, 2] of the first frame.

    Returns:
        uint8 [224, 224, 3], RGB.
    """
    similarity = alignment(first)
    motion = (landmarks - first)[STABLE] @ similarity[:, :2].T
    far = np.linalg.norm(motion, axis=-1).mean() > FAR
    return align(frame, alignment(landmarks) if far else similarity)
