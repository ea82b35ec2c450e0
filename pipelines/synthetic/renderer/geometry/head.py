"""The base head as it lies in `head.npz`, and the vertices of an individual head at rest."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_weighted
from pipelines.synthetic.renderer.geometry.identity_modes import MODES, ONE_SIDED
from pipelines.synthetic.renderer.geometry.lips import close

#: Shape coefficients of an identity, one standard deviation each; one-sided ones are signed: right - left.
SHAPE_NAMES = (*MODES, *ONE_SIDED)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """The base head: centimetres, x to the subject's left, y down, z away from the camera.

    Attributes:
        vertices: float32 [V, 3]; the first 468 are Face Mesh's,
            the origin is between the eyes' outer corners.
        triangles: int32 [T, 3], wound so that a visible one has a positive area in the picture.
        irises: float32 [10, 3], Face Mesh vertices 468-477.
        mirror: int32 [478], the counterpart of each Face Mesh vertex on the other side.
        names: number of each displacement field: `right AU01`, `AU17`, `jaw_width` ...
        fields: float32 [F, V, 3], cm.
        lids: float32 [2, V, 14], how the skin follows the rims of the right and the left eye.
        lips: float32 [V, 18], how the skin follows the inner rims of the lips.
        jaw: float32 [V], share of the jaw's rotation.
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
    """Load the base head (once a process)."""
    with (
        resources.files("pipelines.synthetic.renderer.geometry").joinpath("head.npz").open("rb") as file,
        np.load(file) as arrays,
    ):
        names = {name: number for number, name in enumerate(arrays["names"].tolist())}
        plain = {key: arrays[key] for key in ("vertices", "triangles", "irises", "mirror")}
        shares = {key: arrays[key].astype(np.float32) for key in ("fields", "lids", "lips", "jaw")}
    return HeadModel(names=names, **plain, **shares)


def rest_vertices(shape: np.ndarray) -> np.ndarray:
    """Vertices of an individual head at rest.

    Args:
        shape: float [len(SHAPE_NAMES)], standard deviations.

    Returns:
        float64 [V, 3], cm.
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
    close(vertices, model.lips)
    return vertices
