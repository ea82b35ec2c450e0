"""Directions in which units move landmarks, against the appearance changes that FACS describes (Ekman,
Friesen, Hager, 2002)."""

import numpy as np
import pytest

from pipelines.synthetic.renderer.geometry.eyes import eyes_of
from pipelines.synthetic.renderer.geometry.facial_expression import expression, skin_vertices
from pipelines.synthetic.renderer.geometry.head import SHAPE_NAMES, head_model, rest_vertices

# Ten landmarks of the subject's right half (left in the picture) and the middle line.
POINTS = {
    "inner brow": 55, "brow's middle": 105, "outer brow": 70, "upper lid": 159, "lower lid": 145, "cheek": 50,
    "nostril": 129, "upper lip": 0, "mouth corner": 61, "chin": 199,
}  # fmt: skip

# unit: what FACS says of it -> landmark: direction. u up, d down, o outwards, i inwards.
DESCRIPTIONS = {
    "AU01": {"inner brow": "u"},  # pulls the inner portion of the eyebrows upwards
    "AU02": {"brow's middle": "u", "outer brow": "u"},  # pulls the lateral portion upwards
    "AU04": {"inner brow": "di", "brow's middle": "di"},  # lowers the eyebrow, pulls the eyebrows together
    "AU05": {"upper lid": "u"},  # widens the eye aperture
    "AU06": {"cheek": "u", "lower lid": "u"},  # lifts the cheeks upwards, narrows the eye aperture
    "AU07": {"upper lid": "d", "lower lid": "u"},  # tightens the eyelids, narrows the eye opening
    "AU09": {"nostril": "u", "upper lip": "u", "inner brow": "di"},  # pulls skin along the nose upwards
    "AU10": {"upper lip": "u", "nostril": "u"},  # raises the upper lip, widens and raises the nostril wings
    "AU12": {"mouth corner": "uo", "cheek": "u"},  # pulls the corners of the lips back and upward
    "AU14": {"mouth corner": "o"},  # tightens the corners, pulling them somewhat inwards (back) and wide
    "AU15": {"mouth corner": "d"},  # pulls the corners of the lips down
    "AU17": {"chin": "u", "upper lip": "u"},  # pushes chin boss and lower lip upward
    "AU18": {"mouth corner": "i"},  # pushes the lips forward, pulls the corners medially
    "AU20": {"mouth corner": "o"},  # pulls the lips back laterally
    "AU23": {"mouth corner": "i", "upper lip": "d"},  # tightens the lips, making them narrow
    "AU24": {"upper lip": "d"},  # presses the lips together, lowers the upper lip
    "AU26": {"chin": "d"},  # the mandible is lowered
    "AU27": {"chin": "d"},
    "AU43": {"upper lid": "d"},  # the upper lid droops down
}


def motion(**units):
    """Displacement of the ten landmarks, cm: {name: (outwards, up)}."""
    model = head_model()
    rest = rest_vertices(np.zeros(len(SHAPE_NAMES)))
    eyes = eyes_of(rest, model.mirror, model.lids)
    change = skin_vertices(rest, eyes, expression(**units)) - skin_vertices(rest, eyes, expression())
    vectors = change[list(POINTS.values()), :2].tolist()
    return {name: (-x, -y) for name, (x, y) in zip(POINTS, vectors, strict=True)}


@pytest.mark.parametrize("strength", [0.15, 1.0])
@pytest.mark.parametrize("unit", DESCRIPTIONS)
def test_units_move_landmarks_as_facs_says(unit, strength):
    found = motion(**{unit: strength})
    largest = max(np.hypot(*vector) for vector in found.values())
    for name, directions in DESCRIPTIONS[unit].items():
        for direction in directions:
            axis, sign = {"u": (1, 1), "d": (1, -1), "o": (0, 1), "i": (0, -1)}[direction]
            assert found[name][axis] * sign > 0.08 * largest, (name, direction, found)


def test_a_weak_smile_is_at_the_corners():
    """AU 12 alone: nothing moves as far as the corner, the brows do not move at all."""
    found = motion(AU12=0.2)
    lengths = {name: np.hypot(*vector) for name, vector in found.items()}
    assert max(lengths, key=lengths.get) == "mouth corner"
    for name in ("inner brow", "brow's middle", "outer brow"):
        assert lengths[name] < 0.01 * lengths["mouth corner"]


def test_a_frown_leaves_the_mouth():
    """AU 4+7, the commonest disgust of CASME II: brows down and together, eyes narrowed, nothing below."""
    found = motion(AU04=1, AU07=1)
    assert found["inner brow"][1] < 0 < -found["inner brow"][0]
    assert found["upper lid"][1] < 0 < found["lower lid"][1]
    for name in ("mouth corner", "upper lip", "chin"):
        assert np.hypot(*found[name]) < 0.02, name
