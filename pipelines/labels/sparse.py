"""Label method `sparse`: the method of the paper, from 68 landmarks.

Piecewise-affine interpolation over the Delaunay triangles of the landmarks in frame 1, undefined outside
their convex hull.

References:
    Alkaddour, Tariq, Dhall, "Self-Supervised Approach for Facial Movement Based Optical Flow", IEEE Trans.
    Affective Computing 13(4), 2022, section 3.
"""

import numpy as np
from scipy.spatial import Delaunay

from pipelines.errors import InputError
from pipelines.labels.mesh import interpolate_triangles
from pipelines.landmarks.face_mesh import IBUG_68, NUM_LANDMARKS, check_landmarks

_CORPUS_COUNTS = (68, 49)  # landmarks that CK+ and BP4D provide


def sparse_label(
    landmarks1: np.ndarray, landmarks2: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the displacements of the landmarks linearly over their Delaunay triangles.

    Args:
        landmarks1: Landmarks in frame 1, (x, y) in pixels: float [478, 2], of which the 68 of iBUG are used;
            or the landmarks that a corpus provides, float [68, 2] (CK+) or [49, 2] (BP4D), all of which are
            used.
        landmarks2: The same landmarks in frame 2.
        shape: (height, width) of the label in pixels.

    Returns:
        Flow, float32 [height, width, 2], pixels; and where it is valid (inside the hull),
        bool [height, width].

    Raises:
        InputError: if the landmarks have another shape or are not finite.
    """
    if len(landmarks1) == NUM_LANDMARKS:
        check_landmarks(landmarks1, landmarks2)
        landmarks1, landmarks2 = landmarks1[IBUG_68], landmarks2[IBUG_68]
    elif not any(landmarks1.shape == landmarks2.shape == (count, 2) for count in _CORPUS_COUNTS):
        raise InputError(
            f"both frames must have {NUM_LANDMARKS}, 68 or 49 landmarks (x, y), but their arrays have the "
            f"shapes {landmarks1.shape} and {landmarks2.shape}"
        )
    if not (np.isfinite(landmarks1).all() and np.isfinite(landmarks2).all()):
        raise InputError("landmarks must be finite numbers; some are NaN or infinite")
    points = landmarks1.astype(np.float64)
    return interpolate_triangles(points, landmarks2 - points, delaunay(points), *shape)


def delaunay(points: np.ndarray) -> np.ndarray:
    """Return the Delaunay triangles of points.

    Args:
        points: Points, float64 [N, 2], (x, y).

    Returns:
        Point indices, int32 [M, 3], ordered so that each triangle has a positive area in image coordinates.
    """
    triangles = Delaunay(points, qhull_options="QJ").simplices.astype(np.int32)
    (ax, ay), (bx, by), (cx, cy) = (points[triangles[:, k]].T for k in range(3))
    negative = (bx - ax) * (cy - ay) < (by - ay) * (cx - ax)
    triangles[negative] = triangles[negative][:, ::-1]
    return triangles
