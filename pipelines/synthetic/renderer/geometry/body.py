"""Parts around the skin of the face: mouth, teeth, ears, neck, shoulders and glasses.

Each part is a mesh in head coordinates (cm). `person` assigns it to the body that it moves with.
"""

import numpy as np

Mesh = tuple[
    np.ndarray, np.ndarray, np.ndarray
]  # vertices [V, 3], triangles [T, 3], texture coordinates [V, 2]

_THROAT_Z = 0.4  # cm, back end of the mouth; the neck is behind it
_TOOTH_ARCH = 0.42  # curvature of the dental arch, 1/cm
_TOOTH_COLUMNS, _TOOTH_ROWS = 24, 4

# Neck and torso from below the chin downwards: y, centre z, half width, half depth (cm).
_TORSO = np.array(
    [
        (4.0, 7.0, 5.2, 5.2), (7.0, 6.8, 5.5, 5.6), (10.0, 6.9, 5.6, 5.7), (13.0, 7.4, 5.7, 5.8),
        (15.5, 7.9, 6.2, 6.1),
        (17.0, 8.2, 7.6, 6.6), (18.4, 8.4, 11.0, 7.4), (19.8, 8.5, 15.0, 8.4), (21.6, 8.6, 18.2, 9.3),
        (24.0, 8.6, 20.0, 10.2), (28.0, 8.6, 21.2, 11.0), (34.0, 8.6, 22.0, 11.5), (46.0, 8.6, 22.0, 11.5),
    ]
)  # fmt: skip
_TORSO_SECTORS = 40
_NECK_TOP, _NECK_BASE = (
    7.5,
    17.0,
)  # above the first the neck turns with the head, below the second it does not


def grid_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Return the triangles of a grid of vertices, row by row; `closed` joins the last and first columns."""
    number = np.arange(rows * columns).reshape(rows, columns)
    following = np.roll(number, -1, axis=1)
    if not closed:
        number, following = number[:, :-1], following[:, :-1]
    a, b, c, d = number[:-1], following[:-1], number[1:], following[1:]
    return np.concatenate(
        [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([b, d, c], axis=-1).reshape(-1, 3)]
    ).astype(np.int32)


def boundary_loop(triangles: np.ndarray, through: int) -> np.ndarray:
    """Return the vertices around the hole of a mesh through a vertex, in order, int [N]."""
    edges = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    directed = {tuple(edge) for edge in edges.tolist()}
    following = {a: b for a, b in directed if (b, a) not in directed}
    loop = [through]
    while (vertex := following[loop[-1]]) != through:
        loop.append(vertex)
    return np.array(loop)


def mouth_vertices(rim: np.ndarray) -> np.ndarray:
    """Return vertices of the mouth cavity, [4 N + 1, 3], behind the inner rim of the lips, float64 [N, 3]."""
    centre = rim.mean(axis=0)
    above = np.sign(rim[:, 1] - centre[1])[:, None]
    rings = [rim]
    for share, widened in ((0.1, 0.12), (0.45, 0.5), (0.9, 0.7)):
        ring = rim + above * [0, widened, 0]
        ring[:, 2] += share * (_THROAT_Z - rim[:, 2])
        rings.append(ring)
    return np.concatenate([*rings, [[centre[0], centre[1], _THROAT_Z]]])


def mouth_cavity(rim: np.ndarray) -> Mesh:
    """Return the mesh of the mouth cavity; the second texture coordinate is the depth, 0-1."""
    n = len(rim)
    last = 3 * n + np.arange(n)
    fan = np.stack([last, np.roll(last, -1), np.full(n, 4 * n)], axis=1)
    depth = np.repeat([0, 0.25, 0.7, 1.0], n)
    return (
        mouth_vertices(rim),
        # Seen from inside, so the orientation is reversed.
        np.concatenate([grid_triangles(4, n, closed=True)[:, ::-1], fan[:, ::-1]]).astype(np.int32),
        np.stack([np.zeros(4 * n + 1), np.r_[depth, 1.0]], axis=1),
    )


def teeth(upper: bool) -> Mesh:
    """Return the mesh of a row of teeth; texture u is along the arch, v from the gum (0) to the edge (1)."""
    x = np.linspace(-2.5, 2.5, _TOOTH_COLUMNS)
    rise = np.linspace(0, 1, _TOOTH_ROWS)
    gum, edge = (5.75, 7.15) if upper else (8.0, 6.95)
    front = -2.3 if upper else -2.15
    y = gum + (edge - gum) * rise[:, None] + np.zeros_like(x)
    # The edges of the side teeth recede slightly, which curves the row.
    y += rise[:, None] * (0.035 if upper else -0.02) * -(x**2)
    z = front + _TOOTH_ARCH * x**2 + 0.12 * (1 - rise[:, None]) ** 2
    vertices = np.stack([np.broadcast_to(x, y.shape), y, np.broadcast_to(z, y.shape)], axis=-1).reshape(-1, 3)
    triangles = grid_triangles(_TOOTH_ROWS, _TOOTH_COLUMNS)
    coordinates = np.stack(np.broadcast_arrays(x, rise[:, None]), axis=-1).reshape(-1, 2)
    return vertices, triangles if upper else triangles[:, ::-1], coordinates


def ear() -> Mesh:
    """Return the mesh of the subject's left ear, an oval shell with helix and concha, at its attachment."""
    rings, sectors = 8, 24
    radius = np.linspace(0, 1, rings)[:, None]
    turn = np.arange(sectors) * (2 * np.pi / sectors)
    narrow = 1 - 0.28 * np.clip(np.sin(turn), 0, 1)  # the lobe
    back = 1.45 * radius * np.cos(turn) * narrow + 1.0
    down = 3.0 * radius * np.sin(turn) + 0.2 * radius * np.cos(turn)
    helix = np.exp(-(((radius - 0.86) / 0.13) ** 2)) * (0.35 + 0.2 * np.cos(turn + 0.9))
    anti = 0.22 * np.exp(-(((radius - 0.55) / 0.14) ** 2)) * np.clip(np.cos(turn + 0.5) + 0.4, 0, 1)
    concha = -0.35 * np.exp(-((radius / 0.35) ** 2))
    out = helix + anti + concha - 0.5 * np.clip(radius - 0.9, 0, 1) * 8
    lean = np.deg2rad(28)
    x = np.sin(lean) * back + np.cos(lean) * out
    z = np.cos(lean) * back - np.sin(lean) * out
    vertices = np.stack([x, down + 0 * x, z + 0.12 * down], axis=-1).reshape(-1, 3)
    hollow = np.broadcast_to(np.clip(0.5 + out, 0, 1), x.shape).ravel()
    return vertices, grid_triangles(rings, sectors, closed=True)[:, ::-1], np.stack([hollow, hollow], axis=1)


def torso(neck: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the mesh of neck and shoulders, and the share of the head motion that each vertex follows.

    Texture u is the angle around the body (0 in front), v the height y.

    Args:
        neck: Relative width of the neck, about 1.

    Returns:
        Vertices, triangles, texture coordinates, and shares [V] from 0 (torso) to 1 (head).
    """
    turn = np.arange(_TORSO_SECTORS) * (2 * np.pi / _TORSO_SECTORS)
    y, z, wide, deep = (column[:, None] for column in _fine(_TORSO).T)
    # Wider than an ellipse at the shoulders, with hollows above the collar bones.
    power = np.where(y > 18, 0.75, 1.0)
    sine = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power
    slim = 1 - (1 - neck) * np.clip((18.5 - y) / 3, 0, 1)
    wide, deep = wide * slim, deep * slim
    x, back = wide * sine, -deep * np.cos(turn) + z
    # Throat: a ridge in the middle and the two muscles to the collar bones.
    along = np.clip((y - 8) / 8, 0, 1) * np.clip((18 - y) / 3, 0, 1)
    muscle = np.exp(-(((np.abs(np.angle(np.exp(1j * turn))) - 0.55 + 0.3 * along) / 0.16) ** 2))
    back = back - 0.45 * along * muscle
    vertices = np.stack(np.broadcast_arrays(x, y, back), axis=-1).reshape(-1, 3)
    share = np.clip((_NECK_BASE - vertices[:, 1]) / (_NECK_BASE - _NECK_TOP), 0, 1)
    coordinates = np.stack(np.broadcast_arrays(np.angle(np.exp(1j * turn)), y), axis=-1).reshape(-1, 2)
    triangles = grid_triangles(len(y), _TORSO_SECTORS, closed=True)
    return vertices, triangles, coordinates, share * share * (3 - 2 * share)


def _fine(profile: np.ndarray) -> np.ndarray:
    steps = np.linspace(0, len(profile) - 1, 2 * len(profile) - 1)
    return np.stack([np.interp(steps, np.arange(len(profile)), column) for column in profile.T], axis=1)


def glasses(
    eyes: np.ndarray, front: float, size: tuple[float, float], squareness: float, thickness: float
) -> Mesh:
    """Return the mesh of glasses: rims, bridge and temples.

    Args:
        eyes: Centres of the right and the left eye, float64 [2, 3], cm.
        front: z of the rims, cm.
        size: Half width and half height of a rim, cm.
        squareness: Exponent of the outline; 1 is an ellipse, smaller is squarer.
        thickness: Radius of the rims, cm.
    """
    paths = []
    turn = np.arange(25) * (2 * np.pi / 24)
    for centre in eyes:
        bulge = [np.sign(f) * np.abs(f) ** squareness for f in (np.cos(turn), np.sin(turn))]
        x, y = centre[0] + size[0] * bulge[0], centre[1] + 0.25 + size[1] * bulge[1]
        paths.append(np.stack([x, y, front + 0.035 * x**2], axis=1))
    inner = np.array([eyes[0, 0] + size[0], eyes[1, 0] - size[0]])
    x = np.linspace(inner[0], inner[1], 7)
    paths.append(
        np.stack(
            [x, eyes[:, 1].mean() - 0.1 - 0.15 * np.cos(x), np.full(7, front) + 0.035 * x**2 - 0.1], axis=1
        )
    )
    for side, centre in zip((-1, 1), eyes, strict=True):
        hinge = centre[0] + side * size[0]
        z = np.linspace(front + 0.035 * hinge**2, 7.0, 8)
        x = np.linspace(hinge, side * 7.6, 8) + side * 0.35 * np.sin(np.linspace(0, np.pi, 8))
        paths.append(np.stack([x, np.linspace(centre[1] - 0.1, centre[1] - 0.3, 8), z], axis=1))
    vertices, triangles, count = [], [], 0
    for path in paths:
        tube = _tube(path, thickness)
        triangles.append(grid_triangles(len(path), 6, closed=True) + count)
        vertices.append(tube)
        count += len(tube)
    points = np.concatenate(vertices)
    return points, np.concatenate(triangles), np.zeros((len(points), 2))


def _tube(path: np.ndarray, radius: float) -> np.ndarray:
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.where(np.abs(along[:, 2:]) < 0.8, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(along, side)
    turn = np.arange(6) * (np.pi / 3)
    ring = np.cos(turn)[:, None] * side[:, None] + np.sin(turn)[:, None] * other[:, None]
    return (path[:, None] + radius * ring).reshape(-1, 3)
