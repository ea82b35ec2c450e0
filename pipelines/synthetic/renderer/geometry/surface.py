"""Subdivision and (screened) biharmonic interpolation on triangle meshes.

References:
    Botsch & Sorkine, "On Linear Variational Surface Deformation Methods", TVCG 2008 (bi-Laplacian fields).
    Pinkall & Polthier, "Computing Discrete Minimal Surfaces", 1993 (cotangent weights).
"""

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

_ANGLE_LIMIT = 0.05  # bound of the cotangents, so that a sliver triangle does not dominate its neighbourhood


def midpoint_subdivision(triangles: np.ndarray, num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Split every triangle into four.

    Args:
        triangles: Vertex indices, int [T, 3].
        num_vertices: Number of vertices of the coarse mesh, whose indices do not change.

    Returns:
        Triangles of the fine mesh, int32 [4 T, 3]; and the coarse edge of which each new vertex is the
        midpoint, int32 [E, 2]. Edge e becomes vertex `num_vertices + e`.
    """
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, index = np.unique(edges, axis=0, return_inverse=True)
    a, b, c = triangles.T
    ab, bc, ca = (num_vertices + index.reshape(-1, 3)).T
    fine = np.concatenate(
        [np.stack(corner, axis=1) for corner in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    )
    return fine.astype(np.int32), unique.astype(np.int32)


def laplacian(vertices: np.ndarray, triangles: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Compute the cotangent Laplacian and vertex areas of a mesh.

    Args:
        vertices: Vertices, float [V, 3].
        triangles: Vertex indices, int [T, 3].

    Returns:
        Laplacian, symmetric and positive semi-definite, [V, V] (integrated, not divided by area); and
        areas, float [V].
    """
    n = len(vertices)
    rows, cols, weights = [], [], []
    area = np.zeros(n)
    for k in range(3):
        i, j, o = triangles[:, k], triangles[:, (k + 1) % 3], triangles[:, (k + 2) % 3]
        u, v = vertices[i] - vertices[o], vertices[j] - vertices[o]
        cross = np.linalg.norm(np.cross(u, v), axis=1)
        cotangent = (u * v).sum(axis=1) / np.maximum(cross, 1e-9)
        w = np.clip(cotangent, _ANGLE_LIMIT, 1 / _ANGLE_LIMIT) / 2
        rows += [i, j]
        cols += [j, i]
        weights += [w, w]
        np.add.at(area, triangles[:, k], cross / 6)
    rows, cols, weights = (np.concatenate(part) for part in (rows, cols, weights))
    adjacency = sparse.csr_matrix((weights, (rows, cols)), shape=(n, n))
    return sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency, np.maximum(area, 1e-6)


class Smoother:
    """Smooth interpolator of values at some vertices over a mesh.

    The result u minimises the integral of (Laplacian u)^2 + u^2 / reach^4 subject to the given values. Holes
    of the mesh (eyes, mouth) interrupt the interpolation, so lips and lids can part.

    Args:
        vertices: Vertices, float [V, 3].
        triangles: Vertex indices, int [T, 3].
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray):
        self._stiffness, self._area = laplacian(vertices, triangles)

    def __call__(self, index: np.ndarray, values: np.ndarray, reach: float = np.inf) -> np.ndarray:
        """Interpolate values over the mesh.

        Args:
            index: Vertices with given values, int [K].
            values: Given values, float [K, C].
            reach: Length over which the values decay to 0; unlimited by default.

        Returns:
            Values at all vertices, float [V, C].
        """
        stiffness, area = self._stiffness, self._area
        energy = stiffness.T @ sparse.diags(1 / area) @ stiffness
        if np.isfinite(reach):
            energy = energy + sparse.diags(area / reach**4)
        free = np.setdiff1d(np.arange(len(area)), index)
        energy = energy.tocsc()
        result = np.zeros((len(area), values.shape[1]))
        result[index] = values
        right = -(energy[free][:, index] @ values)
        result[free] = splu(energy[free][:, free]).solve(np.ascontiguousarray(right))
        return result
