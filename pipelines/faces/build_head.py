"""Makes `head.npz`, the base geometry, from Face Mesh on scikit-image's public-domain portrait.

    python -m pipelines.faces.build_head

The portrait smiles and looks a little aside. So the 478 points are turned to the front, made symmetric, and
given a closed mouth and a skull; then the mesh is refined, keeping the 478 points. All in centimetres: x to
the subject's left (right in the picture), y down, z away from the camera, origin between the eyes.
"""

from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from pipelines.face_mesh import FACE_OVAL, TRIANGLES
from pipelines.faces.action_units import CENTRAL, PAIRED, Field
from pipelines.faces.eyes import LOWER_LID, UPPER_LID
from pipelines.faces.identity_modes import MODES, ONE_SIDED
from pipelines.faces.lips import LOWER_LINE, UPPER_LINE
from pipelines.faces.surface import Smoother, midpoint_subdivision

FACE_POINTS = 468  # Face Mesh without the irises
_FACE_WIDTH = 13.8  # between the cheek bones, an adult's average
_PORTRAIT_WINDOW = (slice(0, 320), slice(80, 400))
_MAGNIFIED = 960

# Lip contours of the subject's right half, corner to middle, outermost ring first (Face Mesh numbers).
_UPPER_RINGS = (
    (61, 185, 40, 39, 37, 0),
    (76, 184, 74, 73, 72, 11),
    (62, 183, 42, 41, 38, 12),
    (78, 191, 80, 81, 82, 13),
)
_LOWER_RINGS = (
    (61, 146, 91, 181, 84, 17),
    (76, 77, 90, 180, 85, 16),
    (62, 96, 89, 179, 86, 15),
    (78, 95, 88, 178, 87, 14),
)
# The same contours at rest: x, y, z of the outer and the inner ring, by hand after anthropometric averages
# (philtrum : lower face = 1 : 2, mouth width = distance of the pupils' inner rims).
_UPPER_OUTER = [
    (2.55, 6.68, -1.72),
    (2.30, 6.42, -2.02),
    (1.85, 6.11, -2.5),
    (1.30, 5.84, -2.95),
    (0.62, 5.66, -3.22),
]
_UPPER_OUTER += [(0, 5.76, -3.28)]
_LOWER_OUTER = [
    (2.55, 6.68, -1.72),
    (2.28, 6.97, -2.02),
    (1.84, 7.26, -2.42),
    (1.27, 7.52, -2.76),
    (0.62, 7.66, -2.95),
]
_LOWER_OUTER += [(0, 7.69, -3.0)]
_LINE = [
    (2.38, 6.68, -1.75),
    (2.1, 6.66, -2.1),
    (1.7, 6.62, -2.5),
    (1.2, 6.6, -2.83),
    (0.6, 6.62, -3.03),
    (0, 6.66, -3.1),
]
_LIP_BULGE = 0.22  # how far the lips' fullest ring stands out in front of the straight line from rim to rim

# Displacements (dx outwards, dy down, dz back) that undo the rest of the smile, subject's right.
_UNSMILE = {
    2: (0, 0.25, 0), 164: (0, 0.3, -0.1), 167: (-0.1, 0.3, -0.1), 165: (-0.2, 0.45, -0.3),
    92: (-0.35, 0.6, -0.5),
    186: (-0.45, 0.7, -0.6), 57: (-0.55, 0.75, -0.7), 43: (-0.55, 0.55, -0.6), 106: (-0.45, 0.3, -0.45),
    182: (-0.35, 0.15, -0.3), 83: (-0.15, 0.05, -0.2), 18: (0, 0.05, -0.15), 200: (0, 0, -0.1),
    216: (-0.35, 0.6, -0.4), 206: (-0.25, 0.4, -0.15), 203: (-0.2, 0.25, 0), 98: (-0.2, 0.12, 0),
    64: (-0.25, 0.1, 0),
    129: (-0.22, 0.1, 0), 97: (-0.05, 0.2, 0), 1: (0, 0.05, 0), 205: (-0.15, 0.3, 0.1),
    50: (-0.1, 0.15, 0.15),
    207: (-0.2, 0.4, -0.05), 212: (-0.4, 0.5, -0.45), 202: (-0.25, 0.2, -0.3), 204: (-0.2, 0.1, -0.2),
    214: (-0.1, 0.2, -0.1), 118: (-0.02, 0.02, 0.1), 101: (-0.05, 0.1, 0.1),
}  # fmt: skip
_STILL = (
    10,
    9,
    6,
    168,
    197,
    195,
    5,
    4,
    33,
    133,
    159,
    145,
    70,
    107,
    105,
    54,
    127,
    234,
    93,
    58,
    172,
    136,
    149,
    148,
    152,
)
_STILL += (199, 175, 123, 116, 117, 111, 46, 55, 226, 244, 193, 122)

# The skull behind the face: an ellipsoid, and rings from the face's outline to its back.
_SKULL_CENTRE = np.array([0.0, -1.6, 6.6])
_SKULL_RADII = np.array([7.5, 8.2, 9.3])
_SKULL_BACK = np.array([0.0, 0.15, 1.0])
_SKULL_RINGS = 7
_LOOSE_RINGS = 3  # behind these the scalp lies still, whatever the face does

# What a moving lid does not drag along (subject's right): the brow and the orbit's lower edge.
_AROUND_LIDS = (
    46,
    53,
    52,
    65,
    55,
    225,
    224,
    223,
    222,
    221,
    189,
    244,
    233,
    232,
    231,
    230,
    229,
    228,
    31,
    226,
    35,
    122,
)
_LID_REACH = 0.8  # cm
_AROUND_LIPS = (78, 61, 2, 98, 164, 165, 92, 57, 43, 106, 182, 83, 18)
_LIP_REACH = 0.6

# Share of the jaw's rotation, subject's right and middle.
_JAW_SHARES = (
    ((14, 87, 178, 88, 15, 16, 17, 84, 181, 18, 200, 199, 175, 152, 148, 176, 149, 83, 182), 1.0),
    ((95,), 0.75), ((91,), 0.9), ((78, 61), 0.45), ((146,), 0.7), ((191, 185), 0.25), ((80, 40), 0.08),
    ((150,), 0.95), ((136,), 0.85), ((172,), 0.65), ((58,), 0.4), ((132,), 0.2), ((93,), 0.06), ((57,), 0.45),
    ((43,), 0.7), ((106,), 0.88), ((212,), 0.5), ((216,), 0.25), ((207,), 0.25), ((214,), 0.5),
    ((205,), 0.08),
    ((13, 82, 81, 0, 37, 39, 164, 2, 98, 1, 234, 127, 123, 50, 36, 203, 165, 33, 133, 145, 117), 0.0),
)  # fmt: skip


def portrait_points() -> np.ndarray:
    """Face Mesh on the portrait, float64 [478, 3] in pixels of its enlarged window."""
    import mediapipe
    import skimage.data

    window = cv2.resize(skimage.data.astronaut()[_PORTRAIT_WINDOW], (_MAGNIFIED, _MAGNIFIED))
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        found = mesh.process(window).multi_face_landmarks[0]
    return np.array([[point.x, point.y, point.z] for point in found.landmark]) * _MAGNIFIED


def symmetric(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the points to the front and average them with their mirror image.

    Returns:
        Points in centimetres, float64 [478, 3], and each point's counterpart, int64 [478].
    """
    points = points - points.mean(axis=0)
    pairs = [(33, 263), (133, 362), (61, 291), (70, 300), (234, 454), (58, 288), (98, 327)]
    for _ in range(3):
        turned = _to_front(points, np.array(pairs))
        distance = np.linalg.norm(turned[:, None] - turned[None] * [-1, 1, 1], axis=2)
        mirror = linear_sum_assignment(distance**2)[1]
        pairs = [(i, j) for i, j in enumerate(mirror) if turned[i, 0] < turned[j, 0] and i != j]
    turned = _to_front(points, np.array(pairs))
    half = (turned + (turned * [-1, 1, 1])[mirror]) / 2
    half *= _FACE_WIDTH / (half[454, 0] - half[234, 0])
    return half - [0, half[33, 1], half[33, 2]], mirror


def _to_front(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    x = (points[pairs[:, 1]] - points[pairs[:, 0]]).mean(axis=0)
    x /= np.linalg.norm(x)
    y = points[152] - points[10]
    y -= (y @ x) * x
    y /= np.linalg.norm(y)
    turned = points @ np.stack([x, y, np.cross(x, y)]).T
    turned[:, 0] -= turned[pairs, 0].mean()
    return turned


def neutral(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Close the mouth and let the cheeks down; float64 [478, 3]."""
    targets = {i: points[i] for i in _STILL}
    for number, (dx, dy, dz) in _UNSMILE.items():
        targets[number] = points[number] + [-dx, dy, dz]
    for rings, outer in ((_UPPER_RINGS, _UPPER_OUTER), (_LOWER_RINGS, _LOWER_OUTER)):
        rim, line = np.array(outer), np.array(_LINE)
        for share, ring in zip((0, 0.4, 0.75, 1), rings, strict=True):
            shape = (1 - share) * rim + share * line
            shape[1:, 2] -= _LIP_BULGE * np.sin(np.pi * min(share * 1.1, 1))
            shape[:, 0] *= -1
            targets |= dict(zip(ring, shape, strict=True))
    for number in list(targets):
        targets[int(mirror[number])] = targets[number] * [-1, 1, 1]
    index = np.array(list(targets))
    moved = np.array(list(targets.values())) - points[index]
    # Triharmonic radial functions: the smoothest interpolation in space, used once and for all.
    kernel = np.linalg.norm(points[:, None] - points[None, index], axis=2)
    affine = np.c_[np.ones(len(points)), points]
    system = np.block([[kernel[index], affine[index]], [affine[index].T, np.zeros((4, 4))]])
    weights = np.linalg.solve(system, np.r_[moved, np.zeros((4, 3))])
    rest = points + kernel @ weights[:-4] + affine @ weights[-4:]
    return (rest + (rest * [-1, 1, 1])[mirror]) / 2


def skull(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rings of vertices from the face's outline over the skull to its back.

    Returns:
        New vertices [36 * rings + 1, 3] and triangles that number the face's 468 vertices first.
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
    """Face Mesh's triangles without those that close eyes and mouth, the left half mirrored."""
    lips = {i for ring in (*_UPPER_RINGS[3:], *_LOWER_RINGS[3:]) for i in ring}
    opening = lips | {int(mirror[i]) for i in lips}
    kept = [t for t in TRIANGLES.tolist() if max(t) < FACE_POINTS and not set(t) <= opening]
    right = [t for t in kept if points[t, 0].max() <= 1e-9]
    across = [t for t in kept if points[t, 0].max() > 1e-9 and points[t, 0].min() < -1e-9]
    left = [[int(mirror[i]) for i in (a, c, b)] for a, b, c in right]
    return np.array(right + left + across, np.int32)


def _solve(field: Field, smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray, sides: str) -> np.ndarray:
    """Carry one field over the skin: float [V, 3].

    Args:
        field: what to carry.
        smooth: interpolates over the skin.
        mirror: int [478], counterparts.
        anchors: vertices that never move.
        sides: `both` moves both halves alike, `right` the subject's right half, and half of the middle line.
    """
    values = {i: np.zeros(3) for i in anchors.tolist()}
    values |= {side: np.zeros(3) for i in field.still for side in (i, int(mirror[i]))}
    for i, (outwards, down, back) in field.handles.items():
        right, middle = np.array([-outwards, down, back]), mirror[i] == i
        values[int(mirror[i])] = right * [-1, 1, 1] if sides == "both" else np.zeros(3)
        values[i] = right / 2 if middle and sides == "right" else right
    return smooth(np.array(list(values)), np.array(list(values.values())), field.reach)


def _lid_shares(smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """How much each vertex follows each of the right eye's rim points: float [V, 14], upper lid first."""
    rim = np.array(UPPER_LID + LOWER_LID)
    still = np.concatenate([anchors, (33, 133), _AROUND_LIDS, mirror[rim]])
    values = np.concatenate([np.eye(len(rim)), np.zeros((len(still), len(rim)))])
    return smooth(np.concatenate([rim, still]), values, _LID_REACH)


def _lip_shares(smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """How much each vertex follows each point of the lips' inner rims: float [V, 18], upper lip first."""
    rim = np.array(UPPER_LINE + LOWER_LINE)
    still = np.concatenate([anchors, mirror[list(_AROUND_LIPS)], _AROUND_LIPS])
    still = np.unique(still)
    values = np.concatenate([np.eye(len(rim)), np.zeros((len(still), len(rim)))])
    return smooth(np.concatenate([rim, still]), values, _LIP_REACH)


def _jaw_share(smooth: Smoother, mirror: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """How much each vertex turns with the jaw: float [V, 1]."""
    shares = {int(side): s for points, s in _JAW_SHARES for i in points for side in (i, mirror[i])}
    shares |= dict.fromkeys(anchors.tolist(), 0.0)
    return smooth(np.array(list(shares)), np.array(list(shares.values()))[:, None])


def build() -> dict[str, np.ndarray]:
    """Return the arrays of `head.npz`; they are described in `head`."""
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
    """Write `head.npz` beside this file."""
    target = Path(str(resources.files("pipelines.faces").joinpath("head.npz")))
    np.savez_compressed(target, **build())


if __name__ == "__main__":
    main()
