"""The head and its muscles, held against anatomy and the Facial Action Coding System."""

import numpy as np
import pytest

from pipelines.landmarks.face_mesh import FACE_OVAL, TRIANGLES
from pipelines.synthetic.renderer.geometry.action_units import NAMES
from pipelines.synthetic.renderer.geometry.body import boundary_loop
from pipelines.synthetic.renderer.geometry.eyes import BALL_RADIUS, LOWER_LID, UPPER_LID, eyes_of
from pipelines.synthetic.renderer.geometry.facial_expression import expression, skin_vertices
from pipelines.synthetic.renderer.geometry.head import SHAPE_NAMES, head_model, rest_vertices
from pipelines.synthetic.renderer.geometry.identity_modes import MODES
from pipelines.synthetic.renderer.geometry.lips import LOWER_LINE, UPPER_LINE

DOWN = 1
WANTED = "1 2 4 5 6 7 9 10 12 14 15 17 20 23 24 25 26 43"


def face(shape=None, **units):
    model = head_model()
    rest = rest_vertices(np.zeros(len(SHAPE_NAMES)) if shape is None else shape)
    return skin_vertices(rest, eyes_of(rest, model.mirror, model.lids), expression(**units))


def lift(landmark, **units):
    """By how many centimetres a landmark rises."""
    return float(face()[landmark, DOWN] - face(**units)[landmark, DOWN])


def test_every_unit_that_was_asked_for():
    assert {f"AU{int(number):02d}" for number in WANTED.split()} <= set(NAMES)


def test_at_least_twenty_ways_to_differ_and_each_is_felt():
    assert len(MODES) >= 20
    rest = rest_vertices(np.zeros(len(SHAPE_NAMES)))
    for number, name in enumerate(SHAPE_NAMES):
        change = np.linalg.norm(rest_vertices(2 * np.eye(len(SHAPE_NAMES))[number]) - rest, axis=1)
        assert 0.05 < change.max() < 2.0, name


def test_base_head_is_symmetric_and_as_wide_as_a_head():
    model = head_model()
    points = model.vertices[:468]
    np.testing.assert_allclose(points[model.mirror[:468]] * [-1, 1, 1], points, atol=1e-3)
    assert 12 < points[454, 0] - points[234, 0] < 15.5  # between the cheek bones, cm (Farkas 1994)
    assert 8 < points[263, 0] - points[33, 0] < 10


def test_face_mesh_triangles_are_the_heads_coarse_triangles():
    """Away from eyes and mouth, every edge of Face Mesh is an edge pair of the refined mesh."""
    model = head_model()
    edges = {frozenset(edge) for a, b, c in model.triangles.tolist() for edge in ((a, b), (b, c), (c, a))}
    middles = {}
    for a, b in edges:
        for vertex, other in ((a, b), (b, a)):
            if vertex < 468 <= other:
                middles.setdefault(other, []).append(vertex)
    refined = {frozenset(ends) for ends in middles.values() if len(ends) == 2}
    oval = FACE_OVAL.tolist()
    outline = [frozenset(edge) for edge in zip(oval, oval[1:] + oval[:1], strict=True)]
    assert all(edge in refined for edge in outline)
    face_edges = {
        frozenset(e) for a, b, c in TRIANGLES.tolist() for e in ((a, b), (b, c), (c, a)) if max(e) < 468
    }
    assert len(face_edges & refined) > 0.97 * len(face_edges)


@pytest.mark.parametrize("seed", range(5))
def test_closed_eyes_are_shut_and_no_skin_is_in_an_eyeball(seed):
    model = head_model()
    shape = np.clip(np.random.default_rng(seed).normal(size=len(SHAPE_NAMES)), -2, 2)
    eyes = eyes_of(rest_vertices(shape), model.mirror, model.lids)
    for units in ({}, {"AU43": 1.0}, {"AU05": 1.0}, {"AU07": 1.0, "AU06": 1.0}):
        skin = face(shape, **units)
        for eye in eyes:
            offset = skin - eye.centre
            front = offset[:, 2] < 0
            assert np.linalg.norm(offset[front], axis=1).min() > BALL_RADIUS
    skin = face(shape, AU43=1.0)
    opening = (skin[list(LOWER_LID)] - skin[list(UPPER_LID)])[:, DOWN]
    assert opening.max() < 0.05
    open_eyes = face(shape)
    assert (open_eyes[list(LOWER_LID)] - open_eyes[list(UPPER_LID)])[3, DOWN] > 0.4


@pytest.mark.parametrize("seed", range(5))
def test_mouth_is_closed_at_rest(seed):
    shape = np.clip(np.random.default_rng(seed).normal(size=len(SHAPE_NAMES)), -2, 2)
    gap = (face(shape)[list(LOWER_LINE)] - face(shape)[list(UPPER_LINE)])[:, DOWN]
    assert gap.max() < 0.01


def test_mouth_opens_by_the_jaw_and_lips_never_cross():
    wide = face(AU27=1.0)
    assert wide[14, DOWN] - wide[13, DOWN] > 3
    assert lift(4, AU27=1.0) == pytest.approx(0, abs=0.02)  # the nose stays
    for units in ({"AU17": 1.0}, {"AU24": 1.0}, {"AU17": 1.0, "AU15": 1.0, "AU23": 1.0}):
        skin = face(**units)
        assert (skin[list(LOWER_LINE)] - skin[list(UPPER_LINE)])[:, DOWN].min() > -0.1


# What a coder appearance for (FACS): unit, landmark, which way it must go (+ up), and one that must stay.
SIGNS = [
    ("AU01", 107, +1, 61), ("AU02", 63, +1, 61), ("AU04", 107, -1, 61), ("AU05", 159, +1, 61),
    ("AU06", 117, +1, 152), ("AU07", 145, +1, 61), ("AU09", 64, +1, 152), ("AU10", 37, +1, 152),
    ("AU12", 61, +1, 107), ("AU15", 61, -1, 107), ("AU16", 17, -1, 107), ("AU17", 199, +1, 107),
    ("AU25", 14, -1, 107), ("AU26", 152, -1, 107), ("AU43", 159, -1, 61),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "landmark", "sign", "still"), SIGNS)
def test_units_move_what_a_coder_looks_for(unit, landmark, sign, still):
    assert sign * lift(landmark, **{unit: 1.0}) > 0.1
    assert abs(lift(still, **{unit: 1.0})) < 0.05


@pytest.mark.parametrize(
    ("unit", "outwards"), [("AU12", True), ("AU20", True), ("AU14", True), ("AU18", False)]
)
def test_corners_of_the_mouth_go_out_or_in(unit, outwards):
    change = face(**{unit: 1.0})[291, 0] - face()[291, 0]
    assert change > 0.2 if outwards else change < -0.2


def test_sides_are_independent_and_mirror_each_other():
    model = head_model()
    right, left = (face(**{name: 1.0}) - face() for name in ("AU12R", "AU12L"))
    mirror = model.mirror[:468]
    np.testing.assert_allclose(right[:468][mirror] * [-1, 1, 1], left[:468], atol=2e-2)
    assert np.linalg.norm(right[291]) < 0.1 < np.linalg.norm(right[61])


def test_holes_of_the_skin_are_eyes_and_mouth():
    triangles = head_model().triangles
    loops = [set(boundary_loop(triangles, start).tolist()) for start in (33, 263, 78)]
    assert set(UPPER_LID) | set(LOWER_LID) <= loops[0]
    assert set(UPPER_LINE) | set(LOWER_LINE) <= loops[2]
    edges = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)[1]
    assert (counts == 1).sum() == sum(map(len, loops))


@pytest.mark.slow
def test_committed_head_is_what_the_script_makes():
    from pipelines.synthetic.renderer.geometry.build_head import build

    made, model = build(), head_model()
    np.testing.assert_allclose(made["vertices"], model.vertices, atol=0.02)
    np.testing.assert_array_equal(made["triangles"], model.triangles)
