"""Base head from `head.npz`, and the vertices of an individual head at rest."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_weighted
from pipelines.synthetic.renderer.geometry.identity_modes import MODES, ONE_SIDED
from pipelines.synthetic.renderer.geometry.lips import close_lips

#: Shape modes of an identity; one-sided modes are signed, positive on the right side.
SHAPE_NAMES = (*MODES, *ONE_SIDED)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """Base head, in centimetres: x to the subject's left, y down, z away from the camera.

    Attributes:
        vertices: Vertices, float32 [V, 3]; the first 468 are those of Face Mesh. The origin is midway between
            the outer corners of the eyes.
        triangles: Vertex indices, int32 [T, 3]; a visible triangle has a positive area in the image.
        irises: Landmarks 468-477 of Face Mesh, float32 [10, 3].
        mirror: Index of the mirror image of each landmark of Face Mesh, int32 [478].
        names: Index of each displacement field by name (`right AU01`, `AU17`, `jaw_width`, ...).
        fields: Displacement fields, float32 [F, V, 3].
        lids: Weights by which the skin follows the rims of the right and the left eye, float32 [2, V, 14].
        lips: Weights by which the skin follows the inner rims of the lips, float32 [V, 18].
        jaw: Share of the rotation of the jaw, float32 [V].
    """

    vertices: np.ndarray
    triangles: np.ndarray
    irises: np.ndarray
    mirror: np.ndarray
    names: dict[str, int]
    fields: np.ndarray
    lids: np.ndarray
    lips: np.ndarray
    jaw: np.ndarray


@lru_cache(maxsize=1)
def head_model() -> HeadModel:
    """Load the base head; it is cached."""
    with (
        resources.files("pipelines.synthetic.renderer.geometry").joinpath("head.npz").open("rb") as file,
        np.load(file) as arrays,
    ):
        names = {name: number for number, name in enumerate(arrays["names"].tolist())}
        plain = {key: arrays[key] for key in ("vertices", "triangles", "irises", "mirror")}
        shares = {key: arrays[key].astype(np.float32) for key in ("fields", "lids", "lips", "jaw")}
    return HeadModel(names=names, **plain, **shares)


def rest_vertices(shape: np.ndarray) -> np.ndarray:
    """Compute the vertices of an individual head at rest.

    Args:
        shape: Coefficients of the shape modes in the order of `SHAPE_NAMES`, float [len(SHAPE_NAMES)],
            standard deviations.

    Returns:
        Vertices, float64 [V, 3], cm.
    """
    names, weights = list(MODES), list(shape[: len(MODES)])
    for name, weight in zip(ONE_SIDED, shape[len(MODES) :].tolist(), strict=True):
        names.append(f"{'right' if weight > 0 else 'left'} {name}")
        weights.append(abs(weight))
    model = head_model()
    vertices = model.vertices.astype(np.float64)
    all_weights = np.zeros(len(model.names))
    for name, weight in zip(names, weights, strict=True):
        all_weights[model.names[name]] = weight
    add_weighted(vertices, model.fields, all_weights)
    close_lips(vertices, model.lips)
    return vertices
