"""Eyeballs and lids: gaze, and lids that slide over the eyeball.

Seven points of each rim drive the lids; weights in `head.npz` extend their motion to the skin around. Skin
inside an eyeball is pushed out along the radius, so the lids move on an arc.
"""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_shares

#: Rims of the subject's right eye, outer to inner corner (Face Mesh indices), in corresponding order.
UPPER_LID = (246, 161, 160, 159, 158, 157, 173)
LOWER_LID = (7, 163, 144, 145, 153, 154, 155)
CORNERS = (33, 133)

BALL_RADIUS = 1.62  # cm; larger than life (1.2), because Face Mesh's eyes are flatter than a ball
IRIS_RADIUS = 0.62
_LID_THICKNESS = 0.07
_PROTRUSION = 0.14  # cm, distance of the front of the eyeball before the plane of the rim
_RESTING = 0.13  # share of the opening that the upper lid covers at rest; the portrait has wide-open eyes
_CLOSED = 1.06  # share of the opening that a closed lid covers: it overlaps the other rim

# Share of the opening that each Action Unit covers at full intensity.
_UPPER_DOWN = {"AU43": 1.0, "AU07": 0.22, "AU05": -0.38, "AU06": 0.08}
_LOWER_UP = {"AU07": 0.26, "AU06": 0.22}
_LID_FOLLOWS_GAZE = 0.022  # share of the opening per degree of downward gaze (upper lid)
_RINGS, _SECTORS = 9, 28
_BALL_ANGLE = np.deg2rad(75)  # the eyeball mesh ends at this angle from the line of sight


@dataclass(frozen=True, eq=False)
class Eye:
    """Eye of an individual head at rest.

    Attributes:
        centre: Centre of the eyeball, float64 [3], cm.
        upper: Vertices of the upper rim, outer to inner corner, int [7].
        lower: Vertices of the lower rim, outer to inner corner, int [7].
        shares: Weights by which the vertices of `near` follow the rim, float32 [N, 14].
        near: Vertices that move with the lids or touch the eyeball, int [N].
    """

    centre: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    shares: np.ndarray
    near: np.ndarray


def eyes_of(rest: np.ndarray, mirror: np.ndarray, lids: np.ndarray) -> tuple[Eye, Eye]:
    """Place the eyeballs behind the lids of a head at rest; returns the right and the left eye."""
    eyes = []
    for side in (0, 1):
        upper, lower, corners = (
            np.array(points) if side == 0 else mirror[list(points)]
            for points in (UPPER_LID, LOWER_LID, CORNERS)
        )
        middle = rest[corners].mean(axis=0)
        front = rest[[upper[3], lower[3]]]
        y = 0.5 * middle[1] + 0.5 * front[:, 1].mean()
        centre = np.array([middle[0], y, front[:, 2].mean() - _PROTRUSION + BALL_RADIUS])
        near = np.flatnonzero(np.abs(lids[side]).sum(axis=1) > 1e-3)
        near = np.union1d(near, np.r_[upper, lower, corners])
        eyes.append(Eye(centre, upper, lower, lids[side][near], near))
    return tuple(eyes)


def move_lids(vertices: np.ndarray, eye: Eye, units: dict[str, float], looking_down: float) -> None:
    """Move the lids of one eye, in place.

    Args:
        vertices: Vertices after all other Action Units, float64 [V, 3], cm.
        eye: Eye whose lids move.
        units: Intensities 0-1 of the Action Units of the lids on this side.
        looking_down: Pitch of the gaze in degrees, positive down.
    """
    up = sum(share * units.get(name, 0.0) for name, share in _LOWER_UP.items())
    down = _RESTING + sum(share * units.get(name, 0.0) for name, share in _UPPER_DOWN.items())
    down += _LID_FOLLOWS_GAZE * looking_down * (1 - units.get("AU43", 0.0))
    up = min(up, 0.6)
    down = min(down, _CLOSED - up)
    if up or down:
        gap = vertices[eye.lower] - vertices[eye.upper]
        moved = vertices[eye.near]
        add_shares(moved, eye.shares, np.concatenate([down * gap, -up * gap]))
        vertices[eye.near] = moved
    _push_out(vertices, eye.near, eye.centre, BALL_RADIUS + _LID_THICKNESS)


@numba.njit(nogil=True, cache=True)
def _push_out(vertices, near, centre, limit):
    for v in near:
        x, y, z = vertices[v, 0] - centre[0], vertices[v, 1] - centre[1], vertices[v, 2] - centre[2]
        length = np.sqrt(x * x + y * y + z * z)
        if z < 0 and length < limit:
            share = limit / max(length, 1e-6)
            vertices[v, 0] = centre[0] + share * x
            vertices[v, 1] = centre[1] + share * y
            vertices[v, 2] = centre[2] + share * z


def gaze_rotation(yaw: float, pitch: float) -> np.ndarray:
    """Return the rotation of an eyeball by `yaw` (to the subject's left) and `pitch` (down), degrees."""
    a, b = np.deg2rad(yaw), np.deg2rad(pitch)
    # The line of sight at rest is -z.
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_y @ about_x


@lru_cache(maxsize=1)
def ball_mesh() -> tuple[np.ndarray, np.ndarray]:
    """Return vertices, float64 [N, 3], and triangles, int32 [M, 3], of the front of a unit ball facing -z."""
    angle = np.repeat(np.linspace(0, _BALL_ANGLE, _RINGS + 1)[1:], _SECTORS)
    turn = np.tile(np.arange(_SECTORS) * (2 * np.pi / _SECTORS), _RINGS)
    cap = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), -np.cos(angle)], axis=1)
    number = 1 + np.arange(_RINGS * _SECTORS).reshape(_RINGS, _SECTORS)
    following = np.roll(number, -1, axis=1)
    triangles = [
        np.stack([np.zeros(_SECTORS, int), number[0], following[0]], axis=1),
        np.stack([number[:-1], number[1:], following[:-1]], axis=-1).reshape(-1, 3),
        np.stack([following[:-1], number[1:], following[1:]], axis=-1).reshape(-1, 3),
    ]
    return np.concatenate([[[0.0, 0.0, -1.0]], cap]), np.concatenate(triangles).astype(np.int32)


def iris_directions() -> np.ndarray:
    """Return the directions of the iris landmarks in the order of Face Mesh (468-472), float64 [5, 3]."""
    sine = IRIS_RADIUS / BALL_RADIUS
    cosine = np.sqrt(1 - sine**2)
    return np.array(
        [[0, 0, -1], [sine, 0, -cosine], [0, -sine, -cosine], [-sine, 0, -cosine], [0, sine, -cosine]]
    )
