"""Facial expression: intensities of Action Units and gaze, and the resulting skin vertices."""

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_weighted
from pipelines.synthetic.renderer.geometry.action_units import CENTRAL, LIDS, NAMES, PAIRED
from pipelines.synthetic.renderer.geometry.eyes import Eye, move_lids
from pipelines.synthetic.renderer.geometry.head import head_model
from pipelines.synthetic.renderer.geometry.lips import separate_lips

#: Columns of the intensity vector; paired Action Units have a right and a left one (`AU12R`, `AU12L`).
COLUMNS = tuple(
    column
    for name in NAMES
    for column in ((f"{name}R", f"{name}L") if name in PAIRED or name in LIDS else (name,))
)

_JAW_HINGE = np.array([0.0, 0.6, 5.6])  # cm, in front of the ears
_JAW_DEGREES = {"AU26": 11.0, "AU27": 28.0}
_FIELD_OF = {f"{name}R": f"right {name}" for name in PAIRED} | {f"{name}L": f"left {name}" for name in PAIRED}
_FIELD_OF |= {name: name for name in CENTRAL}


@dataclass(frozen=True, eq=False)
class Expression:
    """Facial expression.

    Attributes:
        units: Intensities of the Action Units in the order of `COLUMNS`, float64 [len(COLUMNS)], 0-1.
        gaze: Yaw (to the subject's left) and pitch (down) of both eyes, degrees.
    """

    units: np.ndarray
    gaze: tuple[float, float] = (0.0, 0.0)


def expression(gaze: tuple[float, float] = (0.0, 0.0), **intensities: float) -> Expression:
    """Make an expression from the intensities of named Action Units.

    Args:
        gaze: Yaw and pitch of the eyes in degrees, see `Expression`.
        **intensities: Intensity 0-1 of each Action Unit, e.g. `AU12=0.7` for both sides or `AU12R=0.7` for
            the right side.

    Returns:
        The expression; Action Units that are not named have intensity 0.

    Raises:
        ValueError: if an Action Unit does not exist.
    """
    units = np.zeros(len(COLUMNS))
    for name, value in intensities.items():
        columns = (name,) if name in COLUMNS else (f"{name}R", f"{name}L")
        for column in columns:
            units[COLUMNS.index(column)] = value
    return Expression(units, gaze)


def jaw_rotation(units: np.ndarray) -> float:
    """Return the opening angle of the jaw in radians."""
    return float(
        sum(np.deg2rad(degrees) * units[COLUMNS.index(name)] for name, degrees in _JAW_DEGREES.items())
    )


def turn_with_jaw(points: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Rotate points, float64 [N, 3], about the hinge of the jaw by one angle or one each, radians."""
    down, back = points[:, 1] - _JAW_HINGE[1], points[:, 2] - _JAW_HINGE[2]
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = points.copy()
    turned[:, 1] = _JAW_HINGE[1] + cosine * down - sine * back
    turned[:, 2] = _JAW_HINGE[2] + sine * down + cosine * back
    return turned


def skin_vertices(rest: np.ndarray, eyes: tuple[Eye, Eye], state: Expression) -> np.ndarray:
    """Compute the skin vertices of a head for an expression.

    Args:
        rest: Vertices at rest, from `head.rest_vertices`, float64 [V, 3], cm.
        eyes: Right and left eye, from `eyes.eyes_of`.
        state: Expression.

    Returns:
        Vertices in head coordinates, float64 [V, 3], cm.
    """
    model = head_model()
    weights = np.zeros(len(model.names))
    for column, value in zip(COLUMNS, state.units.tolist(), strict=True):
        if column in _FIELD_OF:
            weights[model.names[_FIELD_OF[column]]] = value
    moved = rest.copy()
    add_weighted(moved, model.fields, weights)
    angle = jaw_rotation(state.units)
    if angle:
        moved = turn_with_jaw(moved, angle * model.jaw.astype(np.float64))
    separate_lips(moved, model.lips)
    for side, eye in zip("RL", eyes, strict=True):
        units = {name: float(state.units[COLUMNS.index(name + side)]) for name in LIDS}
        move_lids(moved, eye, units, state.gaze[1])
    return moved
