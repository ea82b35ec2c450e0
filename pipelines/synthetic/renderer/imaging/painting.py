"""Shading: the colour of each sample under the light, averaged per pixel and converted to sRGB."""

import numba
import numpy as np

from pipelines.synthetic.renderer.appearance.materials import Appearance, Surface, base_colour, bilinear
from pipelines.synthetic.renderer.imaging.light import (
    SHADOW_SCALE,
    Light,
    illuminate,
    shadow_map,
    vertex_normals,
)
from pipelines.synthetic.renderer.imaging.raster import Fragments

_LINEAR = np.linspace(0, 1, 1 << 15)
_GAMMA = 255 * np.where(_LINEAR < 0.0031308, 12.92 * _LINEAR, 1.055 * _LINEAR ** (1 / 2.4) - 0.055)
_GAMMA = _GAMMA.astype(np.float32)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _paint(
    seen, weights, vertices, normals, triangles, material, coordinates, skin, detail, eye, hairs, background,
    ground_map, tones, light, shadow_depth, shadow_frame, shadow_middle, shadow_scale, gloss, shadow_strength,
    eye_span, samples, clothes, eye_axes, exposure, gamma, out,
):  # fmt: skip
    """Average the samples of each pixel in linear RGB and convert the mean to sRGB.

    Within a pixel, lighting is computed once per material, texture at every sample.
    """
    last = gamma.shape[0] - 1
    half = np.float32(0.5 / samples) - np.float32(0.5)
    ground = ground_map.astype(np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            top, low = y * samples, y * samples + 1
            left, right = x * samples, x * samples + 1
            t0, t1, t2, t3 = seen[top, left], seen[low, right], seen[top, right], seen[low, left]
            red, green, blue = np.float32(0), np.float32(0), np.float32(0)
            if t0 < 0 and t1 < 0 and t2 < 0 and t3 < 0:
                red, green, blue = bilinear(
                    background,
                    ground[0, 0] * x + ground[0, 1] * y + ground[0, 2],
                    ground[1, 0] * x + ground[1, 1] * y + ground[1, 2],
                )
                counted = 1
            else:
                k0 = -1 if t0 < 0 else int(material[t0])
                k1 = -1 if t1 < 0 else int(material[t1])
                k2 = -1 if t2 < 0 else int(material[t2])
                k3 = -1 if t3 < 0 else int(material[t3])
                # Inside one material, two diagonal samples of the four are enough.
                counted = 2 if k0 == k1 and k0 == k2 and k0 == k3 else 4
                lit_kind, l0, l1, l2 = -1, np.float32(0), np.float32(0), np.float32(0)
                s0, s1, s2 = np.float32(0), np.float32(0), np.float32(0)
                for s in range(counted):
                    j = top if s == 0 or s == 2 else low
                    i = left if s == 0 or s == 3 else right
                    t = t0 if s == 0 else t1 if s == 1 else t2 if s == 2 else t3
                    kind = k0 if s == 0 else k1 if s == 1 else k2 if s == 2 else k3
                    if kind < 0:
                        px = np.float32(i) / samples + half
                        py = np.float32(j) / samples + half
                        r, g, b = bilinear(
                            background,
                            ground[0, 0] * px + ground[0, 1] * py + ground[0, 2],
                            ground[1, 0] * px + ground[1, 1] * py + ground[1, 2],
                        )
                        red, green, blue = red + r, green + g, blue + b
                        continue
                    wa, wb = weights[j, i, 0], weights[j, i, 1]
                    wc = np.float32(1) - wa - wb
                    i0, i1, i2 = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                    if kind != lit_kind:
                        nx = wa * normals[i0, 0] + wb * normals[i1, 0] + wc * normals[i2, 0]
                        ny = wa * normals[i0, 1] + wb * normals[i1, 1] + wc * normals[i2, 1]
                        nz = wa * normals[i0, 2] + wb * normals[i1, 2] + wc * normals[i2, 2]
                        inverse = np.float32(1) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
                        l0, l1, l2, shine = illuminate(
                            kind,
                            wa * vertices[i0, 0] + wb * vertices[i1, 0] + wc * vertices[i2, 0],
                            wa * vertices[i0, 1] + wb * vertices[i1, 1] + wc * vertices[i2, 1],
                            wa * vertices[i0, 2] + wb * vertices[i1, 2] + wc * vertices[i2, 2],
                            nx * inverse, ny * inverse, nz * inverse, light, gloss, shadow_strength,
                            shadow_depth, shadow_frame, shadow_middle, shadow_scale, eye_axes,
                        )  # fmt: skip
                        s0, s1, s2 = shine * light[0, 0], shine * light[0, 1], shine * light[0, 2]
                        lit_kind = kind
                    u = wa * coordinates[i0, 0] + wb * coordinates[i1, 0] + wc * coordinates[i2, 0]
                    v = wa * coordinates[i0, 1] + wb * coordinates[i1, 1] + wc * coordinates[i2, 1]
                    if kind == 0:  # most samples, so without a function call
                        r, g, b = bilinear(skin, u * detail, v * detail)
                    else:
                        r, g, b = base_colour(kind, u, v, eye, hairs, tones, clothes, eye_span)
                    red, green, blue = red + r * l0 + s0, green + g * l1 + s1, blue + b * l2 + s2
            scale = exposure / np.float32(counted)
            for c in range(3):
                value = min((red if c == 0 else green if c == 1 else blue) * scale, np.float32(4))
                value = value / (np.float32(1) + np.float32(0.18) * value * value)  # highlights roll off
                out[y, x, c] = gamma[int(min(value, np.float32(1)) * last)]


def paint(
    fragments: Fragments,
    samples: int,
    vertices: np.ndarray,
    mesh: Surface,
    appearance: Appearance,
    light: Light,
    exposure: float,
    level: int,
    head_rotation: np.ndarray,
    background: np.ndarray,
    background_map: np.ndarray,
) -> np.ndarray:
    """Render an image from fragments.

    Args:
        fragments: Rasterised scene, with `samples` samples per pixel along each axis.
        samples: Number of samples per pixel along each axis; must be 2.
        vertices: Vertices in camera coordinates, float64 [V, 3], cm.
        mesh: Mesh of the vertices.
        appearance: Colours and textures.
        light: Light.
        exposure: Factor on all light.
        level: Level of detail of the skin texture, 0 is the finest.
        head_rotation: Rotation of the head, float64 [3, 3].
        background: Background image, float32 [h, w, 3], linear RGB.
        background_map: Affine map from pixels to texels of the background, float64 [2, 3].

    Returns:
        Image, float32 [H, W, 3], sRGB 0-255.

    Raises:
        ValueError: if `samples` is not 2.
    """
    height, width = fragments.triangle.shape
    if samples != 2:
        raise ValueError(f"samples must be 2, but is {samples}")
    out = np.empty((height // samples, width // samples, 3), np.float32)
    normals = vertex_normals(vertices, mesh.triangles)
    if light.shadow > 0:
        depth, frame, middle = shadow_map(vertices, mesh, appearance.strands, light.key_direction)
    else:
        depth, frame, middle = np.zeros((1, 1), np.float32), np.eye(3), np.zeros(3)
    unit = [d / np.sqrt((d**2).sum()) for d in (light.key_direction, light.fill_direction)]
    lights = np.stack([light.key, unit[0], light.fill, unit[1], light.sky, light.ground]).astype(np.float32)
    single = np.float32
    _paint(
        fragments.triangle, fragments.weights, vertices.astype(single), normals, mesh.triangles,
        mesh.material, mesh.coordinates, appearance.skin[level], single(0.5**level), appearance.eye,
        appearance.strands, background, background_map, appearance.tones, lights, depth,
        frame.astype(single), middle.astype(single), single(SHADOW_SCALE), single(appearance.gloss),
        single(light.shadow), single(appearance.eye_span), samples,
        np.array(appearance.clothes, single), np.ascontiguousarray(head_rotation.T, single), single(exposure),
        _GAMMA, out,
    )  # fmt: skip
    return out
