"""Is it a face? Face Mesh fits a mesh to almost anything; two errors tell a face from the rest.

The **shape error** compares the mesh with the mean face in space. The **mirror error** compares the mesh with
the one that is found in the mirrored picture: on a face the two agree to a hundredth of the face's size; on a
face that is upside down, and on what is no face, they are several times further apart.
"""

import numpy as np

from pipelines.landmarks.canonical_face import canonical_landmarks, mirror_landmarks

#: Largest shape error of a face, a share of its size. Faces in real clips reach .14, other meshes .09 to .24.
LARGEST_SHAPE_ERROR = 0.2
#: Mirror error, a share of the face's size, up to which a mesh is that of a face ...
CLEAR_MIRROR_ERROR = 0.012
#: ... and the largest one of a face, if the picture turned round gives no better mesh. Upright faces in real
#: clips reach .004 to .016, faces turned by 90 degrees up to .047, faces upside down .015 to .17.
LARGEST_MIRROR_ERROR = 0.05
#: Largest difference of two meshes of one face in one clip, a share of its size.
_SAME_FACE = 0.06

_POINTS = 468  # of the mesh without the irises, which move by themselves


def shape_error(points: np.ndarray) -> float:
    """Return how far a mesh is from the mean face, after the best similarity.

    Args:
        points: float [478, 3], (x, y, z) in pixels.

    Returns:
        Root mean square distance, a share of the face's size (the root mean square distance from its centre).
    """
    return _difference(points[:_POINTS], canonical_landmarks())


def same_face(points: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two meshes, float [478, 2], have nearly the same shape, after the best similarity."""
    return _difference(points[:_POINTS], other[:_POINTS]) < _SAME_FACE


def mirror_error(points: np.ndarray, mirrored: np.ndarray, width: int) -> float:
    """Return how far the mesh of a picture is from that of the mirrored picture.

    Args:
        points: float [478, 2+], (x, y) in pixels.
        mirrored: float [478, 2+], found in the picture with its columns in reverse order.
        width: width of the picture, pixels.

    Returns:
        Mean distance, a share of the longer side of the face's box.
    """
    back = mirrored[mirror_landmarks(), :2]
    back[:, 0] = width - 1 - back[:, 0]
    here = points[:_POINTS, :2]
    return float(np.linalg.norm(back - here, axis=1).mean() / np.ptp(here, axis=0).max())


def _difference(points: np.ndarray, target: np.ndarray) -> float:
    """Return the Procrustes distance of two point sets, float [N, D]: 0 for similar ones, at most 1.

    References:
        Umeyama, "Least-squares estimation of transformation parameters between two point patterns", TPAMI
        13(4), 1991.
    """
    a, b = (each.astype(np.float64) - each.mean(axis=0) for each in (points, target))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    left, singular, right = np.linalg.svd(a.T @ b)
    if np.linalg.det(left @ right) < 0:
        singular[-1] = -singular[-1]  # a reflection is no rotation
    return float(np.sqrt(max(0.0, 1 - singular.sum() ** 2)))
