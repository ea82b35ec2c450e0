"""Lighting: sky, key light with shadow and fill light, and the shading of materials."""

from dataclasses import dataclass

import numba
import numpy as np

from pipelines.synthetic.renderer.appearance.materials import Surface
from pipelines.synthetic.renderer.deterministic_sums import rotated
from pipelines.synthetic.renderer.imaging.raster import rasterise

_SHADOW_SIZE = 128
_SHADOW_SPAN = 44.0  # cm that the shadow map covers around the head
_FAR = 2000.0  # cm; from this distance the projection is practically parallel
_SHADOW_BIAS = 0.45  # cm
#: Texels of the shadow map per cm.
SHADOW_SCALE = _SHADOW_SIZE / _SHADOW_SPAN


@dataclass(frozen=True, eq=False)
class Light:
    """Light of a scene. Colours are linear RGB; directions point to the light, in camera coordinates.

    Attributes:
        key: Colour of the key light, float64 [3].
        key_direction: Direction of the key light, float64 [3].
        fill: Colour of the fill light, which casts no shadow, float64 [3].
        fill_direction: Direction of the fill light, float64 [3].
        sky: Colour of the ambient light from above, float64 [3].
        ground: Colour of the ambient light from below, float64 [3].
        shadow: Strength of the shadow of the key light, 0-1.
    """

    key: np.ndarray
    key_direction: np.ndarray
    fill: np.ndarray
    fill_direction: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    shadow: float


@numba.njit(nogil=True, cache=True, error_model="numpy")
def vertex_normals(vertices, triangles):
    """Return the outward unit normals of the vertices of a mesh, float32 [V, 3]."""
    normals = np.zeros(vertices.shape, np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uz * vy - uy * vz, ux * vz - uz * vx, uy * vx - ux * vy
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for v in range(vertices.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0:
            normals[v] /= length
    return normals


def shadow_map(
    vertices: np.ndarray, mesh: Surface, strands: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render the shadow map of the key light.

    Args:
        vertices: Vertices in camera coordinates, float64 [V, 3], cm.
        mesh: Mesh of the vertices.
        strands: Strand texture, see `raster.rasterise`.
        direction: Direction of the light, float64 [3].

    Returns:
        Depth of the nearest surface along the light, float32 [N, N], cm; the axes of the light (rows right,
        down, away), float64 [3, 3]; and the centre of the map, float64 [3].
    """
    away = -direction / np.linalg.norm(direction)
    right = np.array([away[2], 0, -away[0]] if abs(away[1]) < 0.9 else [0, -away[2], away[1]])
    right /= np.linalg.norm(right)
    down = right[[2, 0, 1]] * away[[1, 2, 0]] - right[[1, 2, 0]] * away[[2, 0, 1]]
    frame = np.stack([right, down, away])
    middle = vertices[:468].mean(axis=0)
    x, y, z = rotated(vertices, frame, middle, np.zeros(3)).T
    points = np.stack([x, y], axis=1) * SHADOW_SCALE + (_SHADOW_SIZE - 1) / 2
    fragments = rasterise(
        points, z + _FAR, mesh.triangles, mesh.sheer, mesh.cover, strands, (_SHADOW_SIZE, _SHADOW_SIZE)
    )
    # Where there is no triangle, the inverse depth is 0 and the depth infinite: no shadow.
    with np.errstate(divide="ignore"):
        return np.float32(1) / fragments.inverse_depth - np.float32(_FAR), frame, middle


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _shadow(depths, frame, middle, px, py, pz, scale):
    rx, ry, rz = px - middle[0], py - middle[1], pz - middle[2]
    n = depths.shape[0]
    x = (rx * frame[0, 0] + ry * frame[0, 1] + rz * frame[0, 2]) * scale + (n - 1) / 2
    y = (rx * frame[1, 0] + ry * frame[1, 1] + rz * frame[1, 2]) * scale + (n - 1) / 2
    z = rx * frame[2, 0] + ry * frame[2, 1] + rz * frame[2, 2]
    if x < 0 or y < 0 or x >= n - 1 or y >= n - 1:
        return 1.0
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    lit = 0.0
    # Percentage-closer filtering: bilinear over soft comparisons, for a smooth edge.
    for dy in range(2):
        wy = fy if dy else 1 - fy
        for dx in range(2):
            behind = z - depths[j + dy, i + dx] - _SHADOW_BIAS
            lit += (fx if dx else 1 - fx) * wy * min(max(1 - behind * 2, 0.0), 1.0)
    return lit


# By material: strength of the highlight and wrap of the diffuse light; then the exponent of the highlight.
_SURFACE = np.array(
    [(0.15, 0.28), (0.8, 0.45), (0, 0), (0.25, 0.2), (0.14, 0.1), (0.1, 0.3), (0.06, 0.28), (0.5, 0)],
    np.float32,
)
_SHARPNESS = np.array([14, 220, 10, 60, 9, 14, 14, 40])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def illuminate(
    kind, px, py, pz, nx, ny, nz, light, gloss, shadow_strength, shadow_depth, shadow_frame, shadow_middle,
    scale, eye_axes,
):  # fmt: skip
    """Return the diffuse light (three channels) and the highlight (share of the key light) at a point."""
    shine, wrap = _SURFACE[kind, 0], _SURFACE[kind, 1]
    if kind == 0 or kind == 5 or kind == 6:
        shine *= gloss
    key = nx * light[1, 0] + ny * light[1, 1] + nz * light[1, 2]
    lit, ambient = 1.0, 1.0
    if kind == 1:
        # Shade of the lids on the eyeball, fixed to the head.
        lowered = nx * eye_axes[1, 0] + ny * eye_axes[1, 1] + nz * eye_axes[1, 2]
        aside = nx * eye_axes[0, 0] + ny * eye_axes[0, 1] + nz * eye_axes[0, 2]
        ambient = 1 - 0.6 * min(max(-lowered * 2.2 - 0.15, 0.0), 1.0)
        ambient *= 1 - 0.5 * min(max(abs(aside) * 2 - 0.8, 0.0), 1.0)
    elif shadow_strength > 0 and key > -wrap:
        shadow = _shadow(shadow_depth, shadow_frame, shadow_middle, px, py, pz, scale)
        lit = 1 - shadow_strength * (1 - shadow)
    fill = nx * light[3, 0] + ny * light[3, 1] + nz * light[3, 2]
    up = 0.5 - 0.5 * ny
    highlight = 0.0
    if key > 0 and shine > 0:
        # Blinn-Phong half vector; the camera is at the origin.
        far = 1 / np.sqrt(px * px + py * py + pz * pz)
        hx, hy, hz = light[1, 0] - px * far, light[1, 1] - py * far, light[1, 2] - pz * far
        half = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
        highlight = shine * max(half, 0.0) ** _SHARPNESS[kind] * lit
    red = max((key + wrap) / (1 + wrap), 0.0) * lit  # subsurface scattering is widest for red
    other = max((key + 0.55 * wrap) / (1 + 0.55 * wrap), 0.0) * lit
    fill = max(fill, 0.0)
    down = 1 - up
    return (
        (red * light[0, 0] + fill * light[2, 0] + up * light[4, 0] + down * light[5, 0]) * ambient,
        (other * light[0, 1] + fill * light[2, 1] + up * light[4, 1] + down * light[5, 1]) * ambient,
        (other * light[0, 2] + fill * light[2, 2] + up * light[4, 2] + down * light[5, 2]) * ambient,
        highlight,
    )
