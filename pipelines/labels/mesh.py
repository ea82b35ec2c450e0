"""Label method `mesh`: piecewise-affine interpolation over the triangles of Face Mesh.

The flow is exact at the landmarks, continuous over the face and undefined outside it. The paper does the same
with 68 landmarks and their Delaunay triangles.

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
    """Interpolate the displacements of the landmarks linearly over the triangles of Face Mesh.

    Args:
        landmarks1: Landmarks in frame 1, float [478, 2], (x, y) in pixels.
        landmarks2: The same landmarks in frame 2.
        shape: (height, width) of the label in pixels.

    Returns:
        Flow, float32 [height, width, 2], pixels; and where it is valid (inside the face),
        bool [height, width].

    Raises:
        InputError: if the landmarks have another shape or are not finite.
    """
    check_landmarks(landmarks1, landmarks2)
    points = landmarks1.astype(np.float64)
    # In a mirrored picture, triangles that face the camera have a negative area.
    triangles = TRIANGLES[:, ::-1] if _total_area(points) < 0 else TRIANGLES
    return interpolate_triangles(points, landmarks2 - points, np.ascontiguousarray(triangles), *shape)


def _total_area(points: np.ndarray) -> float:
    """Return the area of the whole mesh, pixels: positive unless the picture is mirrored."""
    a, b, c = (points[TRIANGLES[:, k]] for k in range(3))
    (bx, by), (cx, cy) = (b - a).T, (c - a).T
    return float((bx * cy - by * cx).sum() / 2)


@numba.njit(cache=True, nogil=True)
def interpolate_triangles(points, values, triangles, height, width):
    """Interpolate values at points linearly over the triangles that face the camera.

    A triangle with negative area faces away (the far cheek of a turned head) and is skipped.

    Args:
        points: Vertices, float64 [N, 2], (x, y) in pixels.
        values: Values at the vertices, float64 [N, 2].
        triangles: Vertex indices, int32 [M, 3]; a triangle that faces the camera has a positive area in image
            coordinates.
        height: Height of the output in pixels.
        width: Width of the output in pixels.

    Returns:
        Interpolated values, float32 [height, width, 2], 0 outside all triangles; and the pixels inside a
        triangle, bool [height, width].

    Raises:
        IndexError: If a triangle has a vertex that is not among the points.
    """
    if triangles.size and (triangles.max() >= len(points) or triangles.min() < 0):
        raise IndexError("a triangle has a vertex that is not among the points")  # Numba would read on
    interpolated = np.zeros((height, width, 2), np.float32)
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
                # Barycentric coordinates; the tolerance keeps pixels on an edge between two triangles.
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                wa = 1.0 - wb - wc
                if wa >= -1e-9 and wb >= -1e-9 and wc >= -1e-9:
                    for k in range(2):
                        interpolated[y, x, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]
                    inside[y, x] = True
    return interpolated, inside
