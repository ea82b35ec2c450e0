"""Label method `sparse`: the paper's, from 68 points.

The Delaunay triangles of frame 1's points, one affine map for each, undefined outside their hull.

References:
    Alkaddour, Tariq, Dhall, "Self-Supervised Approach for Facial Movement Based Optical Flow", IEEE Trans.
    Affective Computing 13(4), 2022, section 3.
"""

import numpy as np
from scipy.spatial import Delaunay

from pipelines.errors import InputError
from pipelines.labels.mesh import interpolate_triangles
from pipelines.landmarks.face_mesh import IBUG_68, NUM_LANDMARKS, check_landmarks

_OF_CORPORA = (68, 49)


def sparse_label(
    landmarks1: np.ndarray, landmarks2: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the displacement of the points over their Delaunay triangles.

    Args:
        landmarks1: float [478, 2], (x, y) in pixels of frame 1, of which 68 are used; or the points that a
            corpus hands out, all of them: 68 in CK+, 49 in BP4D.
        landmarks2: float [478, 2], the same points in frame 2.
        shape: (height, width) of the label.

    Returns:
        flow, float32 [height, width, 2], pixels, and valid, bool [height, width]: inside the hull.

    Raises:
        InputError: for another number of landmarks, or values that are not finite.
    """
    if len(landmarks1) == NUM_LANDMARKS:
        check_landmarks(landmarks1, landmarks2)
        landmarks1, landmarks2 = landmarks1[IBUG_68], landmarks2[IBUG_68]
    elif landmarks1.shape != landmarks2.shape or len(landmarks1) not in _OF_CORPORA:
        raise InputError(f"landmarks are {NUM_LANDMARKS}, 68 or 49 in both frames, not {len(landmarks1)}")
    points = landmarks1.astype(np.float64)
    return interpolate_triangles(points, landmarks2 - points, delaunay(points), *shape)


def delaunay(points: np.ndarray) -> np.ndarray:
    """Triangulate points, float64 [N, 2]; int32 [M, 3], wound to positive area in image coordinates."""
    triangles = Delaunay(points, qhull_options="QJ").simplices.astype(np.int32)
    (ax, ay), (bx, by), (cx, cy) = (points[triangles[:, k]].T for k in range(3))
    turned = (bx - ax) * (cy - ay) < (by - ay) * (cx - ax)
    triangles[turned] = triangles[turned][:, ::-1]
    return triangles
