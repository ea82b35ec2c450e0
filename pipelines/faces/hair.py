"""Hair: a shell that stands off the scalp, and a curtain that falls behind the face."""

import numpy as np

from pipelines.faces.body import Mesh, grid_triangles

# The hairline from the forehead over the temple, around the ear, to the nape: z and the y above which hair
# grows, cm on the base head.
_LINE_Z = np.array([-3.0, 0.5, 2.0, 3.4, 4.4, 5.3, 6.4, 7.6, 10.0, 17.0])
_LINE_Y = np.array([-5.5, -5.2, -4.6, -3.2, -1.2, 0.4, -0.6, 3.0, 5.6, 6.6])
_FRONT = 4.0  # the part of the line before this z is the face's own hairline, which varies
_EDGE = 1.6  # cm over which hair reaches its full thickness
_BURIED = 0.15  # where no hair grows the shell lies below the skin
_CROWN = np.array([0.0, -9.0, 9.5])

_CURTAIN_ROWS, _CURTAIN_COLUMNS = 12, 33


def inside_hairline(base: np.ndarray, hairline: float, fringe: float, parting: float) -> np.ndarray:
    """How far inside the hair each vertex of the base head lies, cm; negative outside."""
    x, y, z = base.T
    front = np.clip((_FRONT + 1 - z) / 2, 0, 1)
    line = np.interp(z, _LINE_Z, _LINE_Y) - front * hairline
    # A fringe hangs lower the farther it is from the parting, up to the brows.
    line = line + front * fringe * (0.5 + 0.5 * np.tanh(np.abs(x - parting) / 1.5))
    return line - y


def hair_shell(
    base: np.ndarray, rest: np.ndarray, normals: np.ndarray, volume: float, inside: np.ndarray
) -> np.ndarray:
    """Displacement of the shell from the scalp, float64 [V, 3] cm.

    Args:
        base: float [V, 3], vertices of the base head.
        rest: the individual head.
        normals: float [V, 3], outwards.
        volume: full thickness, cm.
        inside: of `inside_hairline`.
    """
    rise = np.clip(inside / _EDGE, 0, 1)
    thickness = np.where(inside > 0, 0.12 + volume * np.sqrt(rise), np.maximum(inside, -1) * _BURIED)
    up = np.clip((-base[:, 1] - 4) / 6, 0, 1)[:, None]
    return thickness[:, None] * (normals + up * [0, -0.25, 0])


def strand_coordinates(base: np.ndarray) -> np.ndarray:
    """Texture coordinates along (first) and across (second) the strands, which run from the crown; [V, 2]."""
    offset = base - _CROWN
    distance = np.linalg.norm(offset, axis=1)
    turn = np.arctan2(offset[:, 0], -offset[:, 2])
    return np.stack([distance / 40, turn * 1.1 / np.pi * 2], axis=1)


def curtain(length: float, width: float) -> tuple[Mesh, np.ndarray]:
    """Long hair around the back and the sides of the head, and its density at each vertex [V].

    Args:
        length: cm below the ears.
        width: half width of the head, cm.
    """
    turn = np.linspace(-1, 1, _CURTAIN_COLUMNS) * np.deg2rad(140)  # 0 is the back
    fall = np.linspace(0, 1, _CURTAIN_ROWS)[:, None]
    y = -4.0 + fall * (7.0 + length)
    spread = width + 1.1 + 0.9 * np.sin(np.pi * np.clip(fall, 0, 1) * 0.6)
    wave = 0.25 * np.sin(9 * turn + 4 * fall)
    x = (spread + wave) * np.sin(turn)
    z = 7.4 + (spread + 1.5 + wave) * np.cos(turn)
    vertices = np.stack(np.broadcast_arrays(x, y, z), axis=-1).reshape(-1, 3)
    ends = np.clip((1 - fall) / 0.3, 0, 1) * np.clip((1 - np.abs(turn) / turn[-1]) / 0.12, 0.25, 1)
    coordinates = np.stack(np.broadcast_arrays(y / 40, turn * 2.4), axis=-1).reshape(-1, 2)
    sheet = grid_triangles(_CURTAIN_ROWS, _CURTAIN_COLUMNS)
    # Seen from inside (in front, past the neck) and from outside.
    triangles = np.concatenate([sheet, sheet[:, ::-1]])
    return (vertices, triangles, coordinates), np.broadcast_to(
        0.2 + 1.2 * ends, (len(fall), len(turn))
    ).ravel()
