"""Build `head.npz`, the base geometry, from Face Mesh on the public-domain portrait of scikit-image.

    python -m pipelines.synthetic.renderer.geometry.build_head

The portrait smiles and is slightly turned. So the 478 points are rotated to the front, made symmetric, and
given a closed mouth and a skull; then the mesh is subdivided, keeping the 478 points. Units are centimetres:
x to the subject's left (right in the image), y down, z away from the camera, origin between the eyes.
"""

from importlib import resources
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipelines.landmarks.face_mesh import FACE_OVAL, TRIANGLES
from pipelines.synthetic.renderer.geometry.action_units import CENTRAL, PAIRED, Field
from pipelines.synthetic.renderer.geometry.base_face import (
    LOWER_RINGS,
    UPPER_RINGS,
    neutral,
    portrait_points,
    symmetric,
)
from pipelines.synthetic.renderer.geometry.eyes import LOWER_LID, UPPER_LID
from pipelines.synthetic.renderer.geometry.identity_modes import MODES, ONE_SIDED
from pipelines.synthetic.renderer.geometry.lips import LOWER_LINE, UPPER_LINE
from pipelines.synthetic.renderer.geometry.surface import Smoother, midpoint_subdivision

FACE_POINTS = 468  # Face Mesh without the irises

# Skull behind the face: an ellipsoid, with rings from the outline of the face to its back.
_SKULL_CENTRE = np.array([0.0, -1.6, 6.6])
_SKULL_RADII = np.array([7.5, 8.2, 9.3])
_SKULL_BACK = np.array([0.0, 0.15, 1.0])
_SKULL_RINGS = 7
_LOOSE_RINGS = 3  # the scalp behind these rings does not move with the expression

# Landmarks that do not move with a lid (subject's right): the brow and the lower edge of the orbit.
_AROUND_LIDS = (46, 53, 52, 65, 55, 225, 224, 223, 222, 221, 189, 244, 233, 232, 231, 230, 229, 228)
_AROUND_LIDS += (31, 226, 35, 122)
_LID_REACH = 0.8  # cm
_AROUND_LIPS = (78, 61, 2, 98, 164, 165, 92, 57, 43, 106, 182, 83, 18)
_LIP_REACH = 0.6

# Share of the rotation of the jaw, subject's right and middle.
_JAW_SHARES = (
    ((14, 87, 178, 88, 15, 16, 17, 84, 181, 18, 200, 199, 175, 152, 148, 176, 149, 83, 182), 1.0),
    ((95,), 0.75), ((91,), 0.9), ((78, 61), 0.45), ((146,), 0.7), ((191, 185), 0.25), ((80, 40), 0.08),
    ((150,), 0.95), ((136,), 0.85), ((172,), 0.65), ((58,), 0.4), ((132,), 0.2), ((93,), 0.06), ((57,), 0.45),
    ((43,), 0.7), ((106,), 0.88), ((212,), 0.5), ((216,), 0.25), ((207,), 0.25), ((214,), 0.5),
    ((205,), 0.08),
    ((13, 82, 81, 0, 37, 39, 164, 2, 98, 1, 234, 127, 123, 50, 36, 203, 165, 33, 133, 145, 117), 0.0),
)  # fmt: skip


def skull(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make the skull: rings of vertices from the outline of the face to the back of the head.

    Args:
        face: Vertices of the face, float64 [468, 3], cm.

    Returns:
        New vertices, float64 [36 * rings + 1, 3], cm; and triangles, whose indices count the 468 vertices of
        the face first.
    """
    start = face[FACE_OVAL] - _SKULL_CENTRE
    length = np.linalg.norm(start, axis=1, keepdims=True)
    direction, back = start / length, _SKULL_BACK / np.linalg.norm(_SKULL_BACK)
    angle = np.arccos(direction @ back)[:, None]
    rings = []
    for k in range(1, _SKULL_RINGS + 1):
        t = k / (_SKULL_RINGS + 1)
        towards = (np.sin((1 - t) * angle) * direction + np.sin(t * angle) * back) / np.sin(angle)
        ellipsoid = 1 / np.linalg.norm(towards / _SKULL_RADII, axis=1, keepdims=True)
        ours = (1 - t) ** 3
        rings.append(_SKULL_CENTRE + towards * (ours * length + (1 - ours) * ellipsoid))
    pole = _SKULL_CENTRE + back / np.linalg.norm(back / _SKULL_RADII)
    vertices = np.concatenate([*rings, pole[None]])

    count = len(FACE_OVAL)
    number = np.concatenate(
        [FACE_OVAL[None], FACE_POINTS + np.arange(count * _SKULL_RINGS).reshape(-1, count)]
    )
    following = np.roll(number, -1, axis=1)
    strips = [
        np.stack([number[:-1], number[1:], following[:-1]], axis=-1).reshape(-1, 3),
        np.stack([following[:-1], number[1:], following[1:]], axis=-1).reshape(-1, 3),
        np.stack([number[-1], np.full(count, FACE_POINTS + len(vertices) - 1), following[-1]], axis=-1),
    ]
    return vertices, np.concatenate(strips).astype(np.int32)


def face_triangles(mirror: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the triangles of Face Mesh without those over the mouth, the left half mirrored."""
    lips = {i for ring in (*UPPER_RINGS[3:], *LOWER_RINGS[3:]) for i in ring}
    opening = lips | {int(mirror[i]) for i in lips}
    kept = [t for t in TRIANGLES.tolist() if max(t) < FACE_POINTS and not set(t) <= opening]
    right = [t for t in kept if points[t, 0].max() <= 1e-9]
    across = [t for t in kept if points[t, 0].max() > 1e-9 and points[t, 0].min() < -1e-9]
    left = [[int(mirror[i]) for i in (a, c, b)] for a, b, c in right]
    return np.array(right + left + across, np.int32)


def _solve(field: Field, smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray, sides: str) -> np.ndarray:
    """Extend a displacement field from its landmarks over the skin; float [V, 3], cm.

    Args:
        field: Displacements of some landmarks.
        smooth: Interpolator over the skin.
        mirror: Index of the mirror image of each landmark, int [478].
        anchors: Vertices that never move.
        sides: `both` moves both halves symmetrically, `right` the subject's right half and half of the
            midline.
    """
    values = {i: np.zeros(3) for i in anchors.tolist()}
    values |= {side: np.zeros(3) for i in field.still for side in (i, int(mirror[i]))}
    for i, (outwards, down, back) in field.handles.items():
        right, middle = np.array([-outwards, down, back]), mirror[i] == i
        values[int(mirror[i])] = right * [-1, 1, 1] if sides == "both" else np.zeros(3)
        values[i] = right / 2 if middle and sides == "right" else right
    return smooth(np.array(list(values)), np.array(list(values.values())), field.reach)


def _lid_shares(smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Return the weight of each rim point of the right eye at each vertex, float [V, 14], upper lid first."""
    rim = np.array(UPPER_LID + LOWER_LID)
    still = np.concatenate([anchors, (33, 133), _AROUND_LIDS, mirror[rim]])
    values = np.concatenate([np.eye(len(rim)), np.zeros((len(still), len(rim)))])
    return smooth(np.concatenate([rim, still]), values, _LID_REACH)


def _lip_shares(smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Return the weight of each inner rim point of the lips at each vertex, float [V, 18], upper first."""
    rim = np.array(UPPER_LINE + LOWER_LINE)
    still = np.concatenate([anchors, mirror[list(_AROUND_LIPS)], _AROUND_LIPS])
    still = np.unique(still)
    values = np.concatenate([np.eye(len(rim)), np.zeros((len(still), len(rim)))])
    return smooth(np.concatenate([rim, still]), values, _LIP_REACH)


def _jaw_share(smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Return the share of the rotation of the jaw at each vertex, float [V, 1]."""
    shares = {int(side): s for points, s in _JAW_SHARES for i in points for side in (i, mirror[i])}
    shares |= dict.fromkeys(anchors.tolist(), 0.0)
    return smooth(np.array(list(shares)), np.array(list(shares.values()))[:, None])


def build() -> dict[str, np.ndarray]:
    """Build the arrays of `head.npz`, which `head.HeadModel` describes."""
    points, mirror = symmetric(portrait_points())
    points = neutral(points, mirror)
    back, back_triangles = skull(points[:FACE_POINTS])
    coarse = np.concatenate([points[:FACE_POINTS], back])
    triangles = np.concatenate([face_triangles(mirror, points), back_triangles])
    fine, edges = midpoint_subdivision(triangles, len(coarse))
    start = np.concatenate([coarse, coarse[edges].mean(axis=1)])
    vertices = Smoother(start, fine)(np.arange(len(coarse)), coarse)

    smooth = Smoother(vertices, fine)
    anchors = np.arange(FACE_POINTS + _LOOSE_RINGS * len(FACE_OVAL), len(coarse))
    _, counterpart = cKDTree(vertices).query(vertices * [-1, 1, 1])
    fields = {f"right {name}": _solve(f, smooth, mirror, anchors, "right") for name, f in PAIRED.items()}
    fields |= {f"right {name}": _solve(f, smooth, mirror, anchors, "right") for name, f in ONE_SIDED.items()}
    fields |= {
        name.replace("right", "left"): field[counterpart] * [-1, 1, 1] for name, field in list(fields.items())
    }
    fields |= {name: _solve(f, smooth, mirror, anchors, "both") for name, f in (CENTRAL | MODES).items()}
    lids = _lid_shares(smooth, mirror, anchors)
    return {
        "vertices": vertices.astype(np.float32),
        "triangles": fine,
        "irises": points[FACE_POINTS:].astype(np.float32),
        "mirror": mirror.astype(np.int32),
        "names": np.array(list(fields)),
        "fields": np.stack(list(fields.values())).astype(np.float16),
        "lids": np.stack([lids, lids[counterpart]]).astype(np.float16),
        "lips": _lip_shares(smooth, mirror, anchors).astype(np.float16),
        "jaw": _jaw_share(smooth, mirror, anchors)[:, 0].astype(np.float16),
    }


def main() -> None:
    """Write `head.npz` next to this file."""
    target = Path(str(resources.files("pipelines.synthetic.renderer.geometry").joinpath("head.npz")))
    np.savez_compressed(target, **build())


if __name__ == "__main__":
    main()
