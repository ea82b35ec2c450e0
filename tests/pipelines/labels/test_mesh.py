import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels import make_label
from pipelines.labels.mesh import interpolate_triangles, mesh_label
from pipelines.landmarks.face_mesh import TRIANGLES, face_mask

SHAPE = (512, 512)


@given(
    matrix=st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=4),
    shift=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
)
@settings(max_examples=20, deadline=None)
def test_affine_motion_is_exact(portrait_landmarks, matrix, shift):
    points = portrait_landmarks.astype(np.float64)
    matrix = np.reshape(matrix, (2, 2))
    flow, valid = mesh_label(points, points + points @ matrix.T + shift, SHAPE)
    truth = pixel_grid(SHAPE).astype(np.float64) @ matrix.T + shift
    assert valid.sum() > 5000
    assert np.abs(flow - truth)[valid].max() < 1e-3


def test_no_motion_is_exactly_zero(portrait_landmarks):
    flow, valid = mesh_label(portrait_landmarks, portrait_landmarks, SHAPE)
    assert valid.any()
    assert (flow == 0).all()


def test_exact_at_the_vertices(portrait_landmarks):
    """Landmarks on pixel centres: there the label is their displacement, whatever the triangles around."""
    points = np.round(portrait_landmarks)
    displacement = np.random.default_rng(0).normal(0, 2, points.shape).astype(np.float32)
    flow, valid = mesh_label(points, points + displacement, SHAPE)
    # Rounding folds some small triangles; take vertices that nothing else can have painted over.
    inner = [v for v in np.unique(TRIANGLES) if (np.abs(points - points[v]).max(axis=1) < 3).sum() == 1]
    x, y = points[inner].astype(int).T
    assert len(inner) > 100
    assert valid[y, x].all()
    np.testing.assert_allclose(flow[y, x], displacement[inner], atol=1e-4)


def test_equals_scipy_on_a_delaunay_triangulation():
    from scipy.spatial import Delaunay

    rng = np.random.default_rng(1)
    points, values = rng.uniform(2, 60, (40, 2)), rng.normal(0, 3, (40, 2))
    triangles = Delaunay(points).simplices.astype(np.int32)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    flipped = np.cross(b - a, c - a) < 0
    triangles[flipped] = triangles[flipped][:, ::-1]
    ours, inside = interpolate_triangles(points, values, triangles, 64, 64)
    with pytest.raises(IndexError, match="not among the points"):
        interpolate_triangles(points[:3], values[:3], triangles, 64, 64)
    theirs = LinearNDInterpolator(points, values)(pixel_grid((64, 64)))
    np.testing.assert_array_equal(inside, np.isfinite(theirs[..., 0]))
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-4)


def test_valid_is_the_face(portrait_landmarks):
    _, valid = mesh_label(portrait_landmarks, portrait_landmarks, SHAPE)
    face = face_mask(portrait_landmarks, SHAPE)
    assert (valid != face).sum() < 0.03 * face.sum()  # fillPoly also counts pixels that its line touches


def test_nothing_stays_from_an_earlier_label(portrait_landmarks):
    """Defect 5 of the paper's code: a buffer that is not reset carries old values into new frames."""
    first = mesh_label(portrait_landmarks, portrait_landmarks + 5, SHAPE)
    small = portrait_landmarks * 0.25
    flow, valid = mesh_label(small, small, SHAPE)
    assert (flow == 0).all()
    assert valid.sum() < first[1].sum() / 8


def test_a_face_partly_out_of_the_picture(portrait_landmarks):
    flow, valid = mesh_label(portrait_landmarks - [220, 0], portrait_landmarks - [219, 0], SHAPE)
    assert valid.any()
    np.testing.assert_allclose(flow[valid], np.broadcast_to([1, 0], flow[valid].shape), atol=1e-4)


@pytest.mark.parametrize("wrong", [np.zeros((68, 2)), np.zeros((478, 3)), np.full((478, 2), np.nan)])
def test_wrong_landmarks(portrait_landmarks, wrong):
    with pytest.raises(InputError, match="landmarks"):
        mesh_label(wrong, portrait_landmarks, SHAPE)


def test_unknown_method(portrait, portrait_landmarks):
    with pytest.raises(InputError, match="use one of: sparse, mesh"):
        make_label("magic", portrait, portrait, portrait_landmarks, portrait_landmarks)


@pytest.mark.real
def test_error_on_real_faces(real_data):
    """The bound is landmark noise: Face Mesh alone is wrong by 0.7 px on these pairs."""
    from pipelines.io.pairs import list_pairs, read_pair
    from pipelines.landmarks.detector import FaceMesh, find_face

    errors = []
    with FaceMesh() as face_mesh:
        for name in list_pairs(real_data / "portraits_truth"):
            pair = read_pair(real_data / "portraits_truth", name)
            points = [find_face(face_mesh, frame, name).landmarks for frame in (pair.frame1, pair.frame2)]
            label = make_label("mesh", pair.frame1, pair.frame2, *points)
            measured = pair.face & label.valid
            assert measured.sum() > 0.95 * pair.face.sum()
            errors.append(np.linalg.norm(label.flow - pair.flow, axis=-1)[measured].mean())
    assert len(errors) == 36
    assert np.mean(errors) <= 0.75


@pytest.mark.parametrize("method", ["sparse", "mesh", "spline", "mesh_matched", "refined"])
def test_a_mirrored_pair_has_the_mirrored_label(portrait, portrait_landmarks, method):
    """Augmentation mirrors half of the pairs that a network trains on."""
    low = np.floor(portrait_landmarks.min(axis=0)).astype(int) - 20
    frame = portrait[low[1] : low[1] + 200, low[0] : low[0] + 200]
    points = portrait_landmarks - low.astype(np.float32)
    moved = points + np.float32([0.02, 0.01]) * (points - points.mean(axis=0))
    plain = make_label(method, frame, frame, points, moved)
    turned = [np.float32([199, 0]) + each * np.float32([-1, 1]) for each in (points, moved)]
    mirror = np.ascontiguousarray(frame[:, ::-1])
    mirrored = make_label(method, mirror, mirror, *turned)
    face = face_mask(points, frame.shape[:2])
    assert (plain.valid & face).sum() > 0.7 * face.sum()
    # The outline may differ by a pixel.
    assert (mirrored.valid[:, ::-1] != plain.valid).mean() < 0.01
    both = plain.valid & mirrored.valid[:, ::-1]
    difference = mirrored.flow[:, ::-1] * np.float32([-1, 1]) - plain.flow
    assert np.linalg.norm(difference, axis=-1)[both].mean() < 0.02
