"""What a sample of the picture looks like: materials under a sky, a key light with its shadow, and a fill light."""

from dataclasses import dataclass

import numba
import numpy as np

from pipelines.faces.raster import Hits, rasterise

_SHADOW_SIZE = 144
_SHADOW_SPAN = 44.0  # cm that the shadow map covers around the head
_SHADOW_BIAS = 0.55  # cm


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a scene, linear RGB.

    Attributes:
        key: float64 [3], colour of the key light; `key_direction` [3] points to it (camera coordinates).
        fill, fill_direction: a second light without a shadow.
        sky, ground: ambient light from above and below.
        shadow: how dark the key light's shadow is, 0-1.
    """

    key: np.ndarray
    key_direction: np.ndarray
    fill: np.ndarray
    fill_direction: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    shadow: float


@numba.njit(nogil=True, cache=True)
def vertex_normals(vertices, triangles):
    """Outward normals, float32 [V, 3], of float64 [V, 3] and int32 [T, 3]."""
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


def shadow_map(vertices, triangles, sheer, cover, strands, direction):
    """Depth of the surface nearest to the key light.

    Returns:
        depth float32 [N, N] in cm along the light,
        the light's frame float64 [3, 3] (rows: right, down, away),
        and the middle of the map, float64 [3].
    """
    away = -direction / np.linalg.norm(direction)
    helper = np.array([0.0, 1.0, 0.0]) if abs(away[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, away)
    right /= np.linalg.norm(right)
    frame = np.stack([right, np.cross(away, right), away])
    middle = vertices[:468].mean(axis=0)
    relative = vertices - middle
    x, y, z = (sum(relative[:, k] * row[k] for k in range(3)) for row in frame)
    scale = _SHADOW_SIZE / _SHADOW_SPAN
    points = np.stack([x, y], axis=1) * scale + (_SHADOW_SIZE - 1) / 2
    # Far away, perspective depth is as good as parallel depth.
    hits = rasterise(points, z + 2000.0, triangles, sheer, cover, strands, (_SHADOW_SIZE, _SHADOW_SIZE))
    return hits.depth - np.float32(2000.0), frame, middle


@numba.njit(nogil=True, cache=True)
def _bilinear(texture, x, y, out):
    h, w = texture.shape[0], texture.shape[1]
    x = min(max(x, 0.0), w - 1.001)
    y = min(max(y, 0.0), h - 1.001)
    i, j = int(x), int(y)
    fx, fy = np.float32(x - i), np.float32(y - j)
    one = np.float32(1)
    for c in range(3):
        top = (one - fx) * texture[j, i, c] + fx * texture[j, i + 1, c]
        low = (one - fx) * texture[j + 1, i, c] + fx * texture[j + 1, i + 1, c]
        out[c] = (one - fy) * top + fy * low


@numba.njit(nogil=True, cache=True)
def _shadow(depths, frame, middle, px, py, pz, scale):
    rx, ry, rz = px - middle[0], py - middle[1], pz - middle[2]
    n = depths.shape[0]
    x = (rx * frame[0, 0] + ry * frame[0, 1] + rz * frame[0, 2]) * scale + (n - 1) / 2
    y = (rx * frame[1, 0] + ry * frame[1, 1] + rz * frame[1, 2]) * scale + (n - 1) / 2
    z = rx * frame[2, 0] + ry * frame[2, 1] + rz * frame[2, 2]
    if x < 1 or y < 1 or x >= n - 2 or y >= n - 2:
        return 1.0
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    lit = 0.0
    # Bilinear over 3x3 comparisons: a soft edge without a step.
    for dy in range(-1, 3):
        wy = 1.0 if 0 <= dy < 2 else (1 - fy if dy == -1 else fy)
        for dx in range(-1, 3):
            wx = 1.0 if 0 <= dx < 2 else (1 - fx if dx == -1 else fx)
            d = z - depths[j + dy, i + dx] - 0.55
            lit += wx * wy * (1.0 if d < 0 else max(0.0, 1 - d * 4))
    return lit / 9.0


@numba.njit(nogil=True, cache=True)
def _shade(
    seen, weights, vertices, normals, triangles, material, coordinates, skin, eye, hairs, background,
    ground_map, tones,
    light, shadow_depth, shadow_frame, shadow_middle, shadow_scale, numbers, clothes, eye_axes, out,
):  # fmt: skip
    gloss, shadow_strength, eye_span, samples = numbers
    colour = np.zeros(3, np.float32)
    n = hairs.shape[0]
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            t = seen[y, x]
            if t < 0:
                px, py = (x + 0.5) / samples - 0.5, (y + 0.5) / samples - 0.5
                bx = ground_map[0, 0] * px + ground_map[0, 1] * py + ground_map[0, 2]
                by = ground_map[1, 0] * px + ground_map[1, 1] * py + ground_map[1, 2]
                _bilinear(background, bx, by, colour)
                for c in range(3):
                    out[y, x, c] = colour[c]
                continue
            wa, wb = weights[y, x, 0], weights[y, x, 1]
            wc = 1 - wa - wb
            a, b, d = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u = wa * coordinates[a, 0] + wb * coordinates[b, 0] + wc * coordinates[d, 0]
            v = wa * coordinates[a, 1] + wb * coordinates[b, 1] + wc * coordinates[d, 1]
            px = wa * vertices[a, 0] + wb * vertices[b, 0] + wc * vertices[d, 0]
            py = wa * vertices[a, 1] + wb * vertices[b, 1] + wc * vertices[d, 1]
            pz = wa * vertices[a, 2] + wb * vertices[b, 2] + wc * vertices[d, 2]
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[d, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[d, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[d, 2]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            kind = material[t]
            shine, power, wrap, ambient = 0.0, 20.0, 0.0, 1.0
            if kind == 0:
                _bilinear(skin, u, v, colour)
                shine, power, wrap = 0.16 * gloss, 14.0, 0.28
            elif kind == 1:
                span = (eye.shape[0] - 1) / 2
                _bilinear(eye, (u / eye_span + 1) * span, (v / eye_span + 1) * span, colour)
                shine, power, wrap = 0.9, 220.0, 0.45
                # The lids' shade on the ball, fixed to the head.
                turned = ny * eye_axes[1, 1] + nx * eye_axes[1, 0] + nz * eye_axes[1, 2]
                aside = ny * eye_axes[0, 1] + nx * eye_axes[0, 0] + nz * eye_axes[0, 2]
                ambient = (
                    1
                    - 0.6 * min(max(-turned * 2.2 - 0.25, 0.0), 1.0)
                    - 0.5 * min(max(abs(aside) * 2 - 0.9, 0.0), 1.0)
                )
            elif kind == 2:
                dark = (1 - v) * (1 - v) * 0.5
                colour[0], colour[1], colour[2] = (
                    0.20 * dark + 0.004,
                    0.05 * dark + 0.002,
                    0.05 * dark + 0.002,
                )
            elif kind == 3:
                cell = u / (0.62 - 0.05 * abs(u) * (abs(u) < 2.4)) + 1000
                edge = abs(cell - np.floor(cell) - 0.5)
                gap = 1 - 0.55 * min(max((edge - 0.42) / 0.08, 0.0), 1.0)
                gum = min(max((0.3 - v) / 0.1, 0.0), 1.0)
                ambient = 0.85 * (1 - 0.22 * abs(u))
                colour[0] = (0.70 * (1 - gum) + 0.42 * gum) * gap
                colour[1] = (0.65 * (1 - gum) + 0.14 * gum) * gap
                colour[2] = (0.54 * (1 - gum) + 0.13 * gum) * gap
                shine, power = 0.25, 60.0
            elif kind == 4:
                strand = hairs[int(np.floor(v * n)) % n, int(np.floor(u * n)) % n]
                tone = 0.45 + 0.75 * strand
                for c in range(3):
                    colour[c] = tones[1, c] * tone
                shine, power, wrap = 0.10 + 0.10 * strand, 9.0, 0.1
            elif kind == 5:
                for c in range(3):
                    colour[c] = tones[0, c] * (0.55 + 0.5 * u) * (1.0 if c == 0 else 0.88)
                shine, power, wrap = 0.1 * gloss, 14.0, 0.3
            elif kind == 6:
                line = clothes[0] - clothes[1] * (1 - np.cos(u)) / 2 * 1.2 - 0.6 * (1 - np.cos(u))
                grain = hairs[int(np.floor(v * 23)) % n, int(np.floor(u * 80)) % n] - 0.5
                if v < line:
                    for c in range(3):
                        colour[c] = tones[0, c] * (0.9 + 0.05 * grain)
                    shine, power, wrap = 0.08 * gloss, 14.0, 0.28
                else:
                    weave = 1 + 0.14 * grain
                    if clothes[2] > 0 and np.sin(u * 6.28 * clothes[2]) > 0.3:
                        weave *= 1 - clothes[4]
                    if clothes[3] > 0 and np.sin(v * 6.28 / clothes[3]) > 0.3:
                        weave *= 1 - clothes[4]
                    if v < line + 0.35:
                        weave *= 0.72
                    for c in range(3):
                        colour[c] = tones[2, c] * weave
            else:
                for c in range(3):
                    colour[c] = tones[3, c]
                shine, power = 0.5, 40.0
            lit = 1.0
            key = nx * light[1, 0] + ny * light[1, 1] + nz * light[1, 2]
            if kind != 1 and shadow_strength > 0:
                lit = 1 - shadow_strength * (
                    1 - _shadow(shadow_depth, shadow_frame, shadow_middle, px, py, pz, shadow_scale)
                )
            fill = nx * light[3, 0] + ny * light[3, 1] + nz * light[3, 2]
            up = 0.5 - 0.5 * ny
            # Blinn's highlight: half way between the light and the eye, which is at the origin.
            far = np.sqrt(px * px + py * py + pz * pz)
            hx, hy, hz = light[1, 0] - px / far, light[1, 1] - py / far, light[1, 2] - pz / far
            half = (nx * hx + ny * hy + nz * hz) / (np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9)
            highlight = shine * max(half, 0.0) ** power * lit * (1.0 if key > 0 else 0.0)
            for c in range(3):
                # Light bleeds around the terminator, red farthest.
                w = wrap * (1.0 if c == 0 else 0.55)
                diffuse = max((key + w) / (1 + w), 0.0) * lit * light[0, c] + max(fill, 0.0) * light[2, c]
                diffuse += up * light[4, c] + (1 - up) * light[5, c]
                out[y, x, c] = colour[c] * diffuse * ambient + highlight * light[0, c]


@numba.njit(nogil=True, cache=True)
def _develop(samples, n, exposure, gamma_table, out):
    """Average n x n samples in linear light, and look up their sRGB value 0-255 (as float32)."""
    last = gamma_table.shape[0] - 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for c in range(3):
                total = np.float32(0)
                for j in range(n):
                    for i in range(n):
                        total += min(samples[y * n + j, x * n + i, c] * exposure, np.float32(4))
                value = total / (n * n)
                value = value / (1 + np.float32(0.18) * value * value)  # highlights roll off, as film does
                position = min(value, np.float32(1)) * last
                i = min(int(position), last - 1)
                f = position - i
                out[y, x, c] = (1 - f) * gamma_table[i] + f * gamma_table[i + 1]


_LINEAR = np.linspace(0, 1, 4097)
_GAMMA = (255 * np.where(_LINEAR < 0.0031308, 12.92 * _LINEAR, 1.055 * _LINEAR ** (1 / 2.4) - 0.055)).astype(
    np.float32
)


def develop(linear: np.ndarray, samples: int, exposure: float) -> np.ndarray:
    """Linear samples [H n, W n, 3] to an sRGB picture, float32 [H, W, 3] in 0-255."""
    out = np.empty((linear.shape[0] // samples, linear.shape[1] // samples, 3), np.float32)
    _develop(linear, samples, np.float32(exposure), _GAMMA, out)
    return out


@dataclass(frozen=True, eq=False)
class Looks:
    """Colours and textures of one person, linear light.

    Attributes:
        skin: float32 [512, 512, 3]; `eye` [128, 128, 3]; `strands` [256, 256].
        tones: float32 [4, 3]: plain skin, hair, cloth, glasses.
        clothes: (neckline in front, how much deeper than at the sides, stripes along, stripes across,
        contrast).
        gloss: of the skin, 0-1.
    """

    skin: np.ndarray
    eye: np.ndarray
    strands: np.ndarray
    tones: np.ndarray
    clothes: tuple[float, float, float, float, float]
    gloss: float
    eye_span: float


def shade(
    hits: Hits,
    samples: int,
    vertices: np.ndarray,
    triangles: np.ndarray,
    material: np.ndarray,
    coordinates: np.ndarray,
    cover: np.ndarray,
    looks: Looks,
    light: Light,
    head_rotation: np.ndarray,
    background: np.ndarray,
    background_map: np.ndarray,
) -> np.ndarray:
    """Shade every sample: float32 [H, W, 3], linear light.

    Args:
        hits: what is seen, on a grid of `samples` per pixel.
        vertices: float64 [V, 3] before the camera, cm.
        background: float32 [h, w, 3], linear light; `background_map` [2, 3] takes pixels to its texels.
    """
    out = np.empty((*hits.triangle.shape, 3), np.float32)
    normals = vertex_normals(vertices, triangles)
    sheer = material[triangles[:, 0] * 0 + np.arange(len(triangles))] == 4
    if light.shadow > 0:
        depth, frame, middle = shadow_map(
            vertices, triangles, sheer, cover, looks.strands, light.key_direction
        )
    else:
        depth, frame, middle = np.zeros((1, 1), np.float32), np.eye(3), np.zeros(3)
    unit = [d / np.linalg.norm(d) for d in (light.key_direction, light.fill_direction)]
    lights = np.stack([light.key, unit[0], light.fill, unit[1], light.sky, light.ground]).astype(np.float64)
    _shade(
        hits.triangle, hits.weights, vertices, normals, triangles, material, coordinates, looks.skin,
        looks.eye,
        looks.strands, background, background_map, looks.tones, lights, depth, frame, middle,
        _SHADOW_SIZE / _SHADOW_SPAN, (looks.gloss, light.shadow, looks.eye_span, samples), looks.clothes,
        np.ascontiguousarray(head_rotation.T), out,
    )  # fmt: skip
    return out
