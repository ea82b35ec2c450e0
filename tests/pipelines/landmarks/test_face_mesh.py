from collections import Counter

import numpy as np
import pytest

from pipelines.landmarks.face_mesh import FACE_OVAL, IBUG_68, REGIONS, TRIANGLES, face_mask, region_map


def directed_edges(triangles):
    return [(int(t[k]), int(t[(k + 1) % 3])) for t in triangles for k in range(3)]


def test_triangles_are_those_of_mediapipe_with_the_holes_closed():
    from pipelines.landmarks.detector import FaceMesh

    FaceMesh()  # imports MediaPipe the quick way
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_FACE_OVAL, FACEMESH_TESSELATION

    ours = {frozenset(edge) for edge in directed_edges(TRIANGLES)}
    assert {frozenset(edge) for edge in FACEMESH_TESSELATION} <= ours
    assert {frozenset(edge) for edge in FACEMESH_FACE_OVAL} == {
        frozenset(edge) for edge in zip(FACE_OVAL.tolist(), np.roll(FACE_OVAL, -1).tolist(), strict=True)
    }


def test_the_mesh_is_one_disc():
    edges = Counter(directed_edges(TRIANGLES))
    assert max(edges.values()) == 1  # every triangle is wound the same way, none is there twice
    undirected = {frozenset(edge) for edge in edges}
    vertices = np.unique(TRIANGLES)
    assert len(vertices) - len(undirected) + len(TRIANGLES) == 1  # Euler: no hole, no handle
    rim = {edge[0] for edge in edges if edge[::-1] not in edges}
    assert rim == set(FACE_OVAL.tolist())


def test_triangles_face_the_camera(portrait_landmarks):
    a, b, c = (portrait_landmarks[TRIANGLES[:, k]] for k in range(3))
    (u, v) = (b - a, c - a)
    assert (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] > 0).mean() > 0.97  # a few fold at a turned nose


def test_ibug_points_lie_where_their_names_say(portrait_landmarks):
    points = portrait_landmarks[IBUG_68]
    assert len(set(IBUG_68.tolist())) == 68
    jaw, brows, nose, eyes, mouth = np.split(points, [17, 27, 36, 48])
    assert (np.diff(jaw[:9, 1]) > 0).all()  # down the subject's right side (left in the picture) ...
    assert (np.diff(jaw[8:, 1]) < 0).all()  # ... and up the left
    assert jaw[:8, 0].max() < jaw[8, 0] < jaw[9:, 0].min()
    assert jaw[8, 1] == points[:, 1].max()  # the chin
    assert brows[:, 1].max() < eyes[:, 1].min()
    assert eyes[:, 1].max() < nose[-1, 1] < mouth[:, 1].min()
    assert (np.diff(brows[:, 0]) > 0).all()
    assert mouth[0, 0] == pytest.approx(mouth[:, 0].min())
    assert mouth[6, 0] == pytest.approx(mouth[:, 0].max())


def test_regions_tile_the_face(portrait_landmarks):
    regions = region_map(portrait_landmarks, (512, 512))
    face = face_mask(portrait_landmarks, (512, 512))
    assert (regions[face] > 0).mean() > 0.99
    assert (regions[~face] > 0).sum() < 0.02 * face.sum()
    for k, name in enumerate(REGIONS):
        assert (regions == k + 1).sum() > 0.02 * face.sum(), name
    for landmark, name in (
        (468, "eyes"),
        (473, "eyes"),
        (4, "nose"),
        (13, "mouth"),
        (152, "jaw"),
        (151, "forehead"),
    ):
        x, y = np.round(portrait_landmarks[landmark] - [0, landmark == 152]).astype(int)
        assert REGIONS[regions[y, x] - 1] == name
