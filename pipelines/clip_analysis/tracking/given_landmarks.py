"""Landmarks of another program in place of the detector: 68 points per frame, completed to 478."""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import RBFInterpolator

from pipelines.landmarks.canonical_face import canonical_landmarks
from pipelines.landmarks.detector import Face
from pipelines.landmarks.face_mesh import IBUG_68, with_irises

_SMOOTHING = 1e-3  # centimetres squared


class GivenLandmarks:
    """Faces of a clip from known landmarks, used in place of a tracking `FaceMesh`.

    Args:
        points: landmarks of each frame, float32 [68, 2], (x, y) in pixels, in the order of iBUG; None without
            a face.

    Examples:
        >>> given = GivenLandmarks([np.random.default_rng(0).random((68, 2)) * 100, None])
        >>> given(np.zeros((100, 100, 3), np.uint8)).landmarks.shape
        (478, 2)
        >>> given(np.zeros((100, 100, 3), np.uint8)) is None
        True
    """

    def __init__(self, points: Sequence[np.ndarray | None]):
        self._points = iter(points)

    def reset(self) -> None:
        """Do nothing, because known landmarks do not depend on earlier frames."""

    def __call__(self, frame: np.ndarray, same_as: np.ndarray | None = None) -> Face | None:
        """Return the face of the next frame."""
        points = next(self._points, None)
        return None if points is None else Face(complete_landmarks(points), 1)


def complete_landmarks(points: np.ndarray) -> np.ndarray:
    """Complete 68 landmarks to the 478 of Face Mesh by a thin-plate spline of the canonical face.

    Args:
        points: landmarks, float [68, 2], (x, y) in pixels, in the order of iBUG.

    Returns:
        Landmarks, float32 [478, 2]. The 68 given points do not change. The others are interpolated as on the
        canonical face, and each iris lies in the middle of its lids.

    References:
        Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", TPAMI 11(6),
        1989.
    """
    canonical = canonical_landmarks()[:, :2].astype(np.float64)
    # Smoothed a little, because the lips of the canonical face are closed and some of its points coincide.
    spline = RBFInterpolator(
        canonical[IBUG_68], points.astype(np.float64), kernel="thin_plate_spline", smoothing=_SMOOTHING
    )
    complete = spline(canonical).astype(np.float32)
    complete[IBUG_68] = points
    return with_irises(complete)
