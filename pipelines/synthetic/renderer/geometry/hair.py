"""Hair: a shell around the scalp, and a curtain of long hair behind the face."""

import numpy as np

from pipelines.synthetic.renderer.geometry.body import Mesh, grid_triangles

# Hairline from the forehead over the temple and around the ear to the nape: z, and the y above which hair
# grows; cm on the base head.
_LINE_Z = np.array([-3.0, 0.5, 2.0, 3.4, 4.4, 5.3, 6.4, 7.6, 10.0, 17.0])
_LINE_Y = np.array([-5.5, -5.2, -4.6, -3.2, -1.2, 0.4, -0.6, 3.0, 5.6, 6.6])
_FRONT = 4.0  # cm; the hairline before this z varies between identities
_EDGE = 3.5  # cm from the hairline at which hair has its full thickness
_BURIED = 0.15  # cm; the shell lies below the skin where there is no hair
_CROWN = np.array([0.0, -9.0, 9.5])

_CURTAIN_ROWS, _CURTAIN_COLUMNS = 14, 33


def inside_hairline(
    base: np.ndarray, hairline: float, recession: float, fringe: float, parting: float
) -> np.ndarray:
    """Return the distance of each vertex inside the hairline, float [V], cm; negative outside.

    Args:
        base: Vertices of the base head, float [V, 3], cm.
        hairline: Upward shift of the hairline at the forehead, cm.
        recession: Additional shift above the temples, cm.
        fringe: Length of the fringe over the forehead, cm.
        parting: Position of the parting to the subject's left, cm.
    """
    x, y, z = base.T
    front = np.clip((_FRONT + 1 - z) / 2, 0, 1)
    line = np.interp(z, _LINE_Z, _LINE_Y) - front * hairline
    line = line - front * recession * np.exp(-(((np.abs(x) - 4.0) / 1.5) ** 2))
    # A fringe is longer farther from the parting.
    line = line + front * fringe * (0.4 + 0.6 * np.tanh(np.abs(x - parting) / 2.0))
    return line - y


def density(base: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the density of the hair at each vertex, 0-1; it decreases towards the forehead.

    Elsewhere the shell has no gaps, because the background would show through; it ends below the skin.
    """
    front = np.clip((-base[:, 1] - 3.4) / 1.2, 0, 1) * np.clip((2.6 - base[:, 2]) / 2, 0, 1)
    return np.clip(1.01 - front + front * (0.25 + 0.9 * inside), 0, 1.01)


def hair_shell(base: np.ndarray, normals: np.ndarray, volume: float, inside: np.ndarray) -> np.ndarray:
    """Return the offset of the hair shell from the scalp, float64 [V, 3], cm.

    Args:
        base: Vertices of the base head, float [V, 3], cm.
        normals: Outward normals of the individual head, float [V, 3].
        volume: Full thickness of the hair, cm.
        inside: Distance inside the hairline, from `inside_hairline`, float [V], cm.
    """
    rise = np.clip(inside / _EDGE, 0, 1)
    thickness = np.where(
        inside > 0, 0.05 + volume * rise * (1.6 - 0.6 * rise), np.maximum(inside, -1) * _BURIED
    )
    up = np.clip((-base[:, 1] - 4) / 6, 0, 1)[:, None]
    return thickness[:, None] * (normals + up * [0, -0.25, 0])


def strand_coordinates(base: np.ndarray) -> np.ndarray:
    """Return texture coordinates along and across the strands, which run from the crown, float [V, 2]."""
    offset = base - _CROWN
    distance = np.linalg.norm(offset, axis=1)
    turn = np.arctan2(offset[:, 0], -offset[:, 2])
    return np.stack([distance / 40, turn * 3.2 / np.pi], axis=1)


def curtain(length: float, width: float) -> tuple[Mesh, np.ndarray]:
    """Return the mesh of long hair around back and sides of the head, and its density at each vertex.

    Args:
        length: Length below the ears, cm.
        width: Half width of the head, cm.
    """
    turn = np.linspace(-1, 1, _CURTAIN_COLUMNS) * np.deg2rad(118)  # 0 is the back
    fall = np.linspace(0, 1, _CURTAIN_ROWS)[:, None] ** 1.2
    y = -8.0 + fall * (11.0 + length)
    # It follows the skull above the ears, and hangs slightly wider below.
    skull = np.sqrt(np.clip(1 - (np.minimum(y + 1.6, 0) / 9.3) ** 2, 0.05, 1))
    wave = 0.22 * np.sin(9 * turn + 0.3 * y)
    spread = (width + 0.5) * skull + 0.05 * np.maximum(y, 0) + wave
    x = spread * np.sin(turn)
    z = 6.6 + (spread + 1.8) * np.cos(turn)
    vertices = np.stack(np.broadcast_arrays(x, y, z), axis=-1).reshape(-1, 3)
    ends = np.clip((1 - fall) / 0.25, 0, 1) * np.clip((1 - np.abs(turn) / turn[-1]) / 0.15, 0, 1)
    coordinates = np.stack(np.broadcast_arrays(y / 40, turn * 3.2 / np.pi), axis=-1).reshape(-1, 2)
    sheet = grid_triangles(_CURTAIN_ROWS, _CURTAIN_COLUMNS)
    # Seen from inside (in front, past the neck) and from outside.
    triangles = np.concatenate([sheet, sheet[:, ::-1]])
    return (vertices, triangles, coordinates), np.broadcast_to(
        0.3 + 0.8 * ends, (len(fall), len(turn))
    ).ravel()
