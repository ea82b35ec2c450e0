"""Label method `mesh`: one affine map for each triangle of the Face Mesh.

Exact at the landmarks, continuous over the face, undefined outside it. The paper does the same with 68
points and their Delaunay triangles.

References:
    Alkaddour, Tariq, Dhall, "Self-Supervised Approach for Facial Movement Based Optical Flow", IEEE Trans.
    Affective Computing 13(4), 2022, section 3.
"""

import numba
import numpy as np

from pipelines.landmarks.face_mesh import TRIANGLES, check_landmarks


def mesh_label(
    landmarks1: np.ndarray, landmarks2: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the displacement of the landmarks over the triangles between them.

    Args:
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], the same points in frame 2.
        shape: (height, width) of the label.

    Returns:
        flow, float32 [height, width, 2], pixels, and valid, bool [height, width]: inside the face.

    Raises:
        InputError: for another number of landmarks or for values that are not finite.
    """
    check_landmarks(landmarks1, landmarks2)
    points = landmarks1.astype(np.float64)
    return interpolate_triangles(points, landmarks2 - points, TRIANGLES, *shape)


@numba.njit(cache=True, nogil=True)
def interpolate_triangles(points, values, triangles, height, width):
    """Paint linear interpolations of two values over triangles that face the camera.

    A triangle that is wound the other way shows its back (the far cheek of a turned head) and is skipped.

    Args:
        points: float64 [N, 2], (x, y) in pixels.
        values: float64 [N, 2].
        triangles: int32 [M, 3], positive area in image coordinates.
        height: of the picture in pixels.
        width: of the picture in pixels.

    Returns:
        float32 [height, width, 2], 0 where there is no triangle; bool [height, width], where there is one.
    """
    painted = np.zeros((height, width, 2), np.float32)
    inside = np.zeros((height, width), np.bool_)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t]
        ax, ay = points[a]
        bx, by = points[b]
        cx, cy = points[c]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 1e-9:
            continue
        top = max(0, int(np.ceil(min(ay, by, cy))))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy))))
        left = max(0, int(np.ceil(min(ax, bx, cx))))
        right = min(width - 1, int(np.floor(max(ax, bx, cx))))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                # Barycentric weights; the slack closes the seam between neighbours.
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                wa = 1.0 - wb - wc
                if wa >= -1e-9 and wb >= -1e-9 and wc >= -1e-9:
                    for k in range(2):
                        painted[y, x, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]
                    inside[y, x] = True
    return painted, inside
