"""The state of a face: intensities of its Action Units and where it looks, and the skin that makes."""

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import add_weighted
from pipelines.synthetic.renderer.geometry.action_units import CENTRAL, LIDS, NAMES, PAIRED
from pipelines.synthetic.renderer.geometry.eyes import Eye, move_lids
from pipelines.synthetic.renderer.geometry.head import head_model
from pipelines.synthetic.renderer.geometry.lips import keep_apart

#: The intensity vector's columns: paired units have a right and a left one (`AU12R`, `AU12L`), others one.
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
    """What the muscles do.

    Attributes:
        units: float64 [len(COLUMNS)], intensities 0-1.
        gaze: (yaw to the subject's left, pitch down), degrees, both eyes.
    """

    units: np.ndarray
    gaze: tuple[float, float] = (0.0, 0.0)


def expression(gaze: tuple[float, float] = (0.0, 0.0), **intensities: float) -> Expression:
    """Build an expression by name.

    Args:
        gaze: see `Expression`.
        **intensities: 0-1 by unit, e.g. `AU12=0.7` for both sides or `AU12R=0.7` for the right one.

    Raises:
        KeyError: for a unit that does not exist.
    """
    units = np.zeros(len(COLUMNS))
    for name, value in intensities.items():
        columns = (name,) if name in COLUMNS else (f"{name}R", f"{name}L")
        for column in columns:
            units[COLUMNS.index(column)] = value
    return Expression(units, gaze)


def jaw_rotation(units: np.ndarray) -> float:
    """Opening of the jaw in radians."""
    return float(
        sum(np.deg2rad(degrees) * units[COLUMNS.index(name)] for name, degrees in _JAW_DEGREES.items())
    )


def turn_with_jaw(points: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Rotate points [N, 3] about the hinge, opening by `angle` radians (one for all, or one each)."""
    down, back = points[:, 1] - _JAW_HINGE[1], points[:, 2] - _JAW_HINGE[2]
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = points.copy()
    turned[:, 1] = _JAW_HINGE[1] + cosine * down - sine * back
    turned[:, 2] = _JAW_HINGE[2] + sine * down + cosine * back
    return turned


def skin_vertices(rest: np.ndarray, eyes: tuple[Eye, Eye], state: Expression) -> np.ndarray:
    """The skin of a head in some expression.

    Args:
        rest: float64 [V, 3], of `head.rest_vertices`.
        eyes: of `eyes.eyes_of(rest)`.
        state: the expression.

    Returns:
        float64 [V, 3], cm, in the head's own frame.
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
    keep_apart(moved, model.lips)
    for side, eye in zip("RL", eyes, strict=True):
        units = {name: float(state.units[COLUMNS.index(name + side)]) for name in LIDS}
        move_lids(moved, eye, units, state.gaze[1])
    return moved
