"""The picture: every sample's material under the light, averaged over the pixel and developed."""

import numba
import numpy as np

from pipelines.faces.light import SHADOW_SCALE, Light, illuminate, shadow_map, vertex_normals
from pipelines.faces.materials import Looks, Surface, base_colour, bilinear
from pipelines.faces.raster import Hits

_LINEAR = np.linspace(0, 1, 4097)
_GAMMA = 255 * np.where(_LINEAR < 0.0031308, 12.92 * _LINEAR, 1.055 * _LINEAR ** (1 / 2.4) - 0.055)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _paint(
    seen, weights, vertices, normals, triangles, material, coordinates, skin, detail, eye, hairs, background,
    ground_map, tones, light, shadow_depth, shadow_frame, shadow_middle, shadow_scale, gloss, shadow_strength,
    eye_span, samples, clothes, eye_axes, exposure, gamma, out,
):  # fmt: skip
    """Average the samples of each pixel in linear light and look up their sRGB value.

    Within a pixel, light is computed once for each material; texture at every sample.
    """
    last = gamma.shape[0] - 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            red, green, blue, counted = 0.0, 0.0, 0.0, 0
            lit_kind, l0, l1, l2, shine = -1, 0.0, 0.0, 0.0, 0.0
            uniform = True
            t = seen[y * samples, x * samples]
            first_kind = -1 if t < 0 else int(material[t])
            for s in range(1, samples * samples):
                t = seen[y * samples + s // samples, x * samples + s % samples]
                uniform &= first_kind == (-1 if t < 0 else int(material[t]))
            # Inside a material one diagonal of the samples is enough, in the background the pixel's middle.
            step = samples + 1 if uniform else 1
            for s in range(0, samples * samples, step):
                j, i = y * samples + s // samples, x * samples + s % samples
                t = seen[j, i]
                counted += 1
                if t < 0:
                    px, py = (i + 0.5) / samples - 0.5, (j + 0.5) / samples - 0.5
                    if uniform:
                        px, py = float(x), float(y)
                    r, g, b = bilinear(
                        background,
                        ground_map[0, 0] * px + ground_map[0, 1] * py + ground_map[0, 2],
                        ground_map[1, 0] * px + ground_map[1, 1] * py + ground_map[1, 2],
                    )
                    red, green, blue = red + r, green + g, blue + b
                    if uniform:
                        break
                    continue
                wa, wb = weights[j, i, 0], weights[j, i, 1]
                wc = 1 - wa - wb
                i0, i1, i2 = (
                    np.uint32(triangles[t, 0]),
                    np.uint32(triangles[t, 1]),
                    np.uint32(triangles[t, 2]),
                )
                kind = int(material[t])
                if kind != lit_kind:
                    nx = wa * normals[i0, 0] + wb * normals[i1, 0] + wc * normals[i2, 0]
                    ny = wa * normals[i0, 1] + wb * normals[i1, 1] + wc * normals[i2, 1]
                    nz = wa * normals[i0, 2] + wb * normals[i1, 2] + wc * normals[i2, 2]
                    inverse = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
                    l0, l1, l2, shine = illuminate(
                        kind,
                        wa * vertices[i0, 0] + wb * vertices[i1, 0] + wc * vertices[i2, 0],
                        wa * vertices[i0, 1] + wb * vertices[i1, 1] + wc * vertices[i2, 1],
                        wa * vertices[i0, 2] + wb * vertices[i1, 2] + wc * vertices[i2, 2],
                        nx * inverse, ny * inverse, nz * inverse, light, gloss, shadow_strength, shadow_depth,
                        shadow_frame, shadow_middle, shadow_scale, eye_axes,
                    )  # fmt: skip
                    lit_kind = kind
                u = wa * coordinates[i0, 0] + wb * coordinates[i1, 0] + wc * coordinates[i2, 0]
                v = wa * coordinates[i0, 1] + wb * coordinates[i1, 1] + wc * coordinates[i2, 1]
                r, g, b = base_colour(kind, u, v, skin, detail, eye, hairs, tones, clothes, eye_span)
                red += r * l0 + shine * light[0, 0]
                green += g * l1 + shine * light[0, 1]
                blue += b * l2 + shine * light[0, 2]
            for c in range(3):
                value = min((red if c == 0 else green if c == 1 else blue) * exposure / counted, 4.0)
                value = value / (1 + 0.18 * value * value)  # highlights roll off, as film does
                position = min(value, 1.0) * last
                k = min(np.uint32(position), np.uint32(last - 1))
                out[y, x, c] = gamma[k] + (position - k) * (gamma[k + 1] - gamma[k])


def paint(
    hits: Hits,
    samples: int,
    vertices: np.ndarray,
    mesh: Surface,
    looks: Looks,
    light: Light,
    exposure: float,
    level: int,
    head_rotation: np.ndarray,
    background: np.ndarray,
    background_map: np.ndarray,
) -> np.ndarray:
    """Paint a picture.

    Args:
        hits: what is seen, on a grid of `samples` per pixel along each axis.
        samples: see there.
        vertices: float64 [V, 3] before the camera, cm.
        mesh: what does not change from frame to frame.
        looks: colours and textures.
        light: the light.
        exposure: factor on all light.
        level: of the skin's texture, 0 is the finest.
        head_rotation: float64 [3, 3].
        background: float32 [h, w, 3], linear light.
        background_map: float64 [2, 3], takes pixels to texels of the background.

    Returns:
        float32 [H, W, 3], sRGB 0-255.
    """
    height, width = hits.triangle.shape
    out = np.empty((height // samples, width // samples, 3), np.float32)
    normals = vertex_normals(vertices, mesh.triangles)
    if light.shadow > 0:
        depth, frame, middle = shadow_map(vertices, mesh, looks.strands, light.key_direction)
    else:
        depth, frame, middle = np.zeros((1, 1), np.float32), np.eye(3), np.zeros(3)
    unit = [d / np.sqrt((d**2).sum()) for d in (light.key_direction, light.fill_direction)]
    lights = np.stack([light.key, unit[0], light.fill, unit[1], light.sky, light.ground]).astype(np.float64)
    _paint(
        hits.triangle, hits.weights, vertices, normals, mesh.triangles, mesh.material, mesh.coordinates,
        looks.skin[level], 0.5**level, looks.eye, looks.strands, background, background_map, looks.tones, lights,
        depth, frame, middle, SHADOW_SCALE, looks.gloss, light.shadow, looks.eye_span, samples, looks.clothes,
        np.ascontiguousarray(head_rotation.T), float(exposure), _GAMMA, out,
    )  # fmt: skip
    return out
