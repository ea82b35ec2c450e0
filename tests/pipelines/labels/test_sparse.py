import numpy as np
import pytest
from scipy.interpolate import griddata
from scipy.spatial import ConvexHull, Delaunay

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.sparse import delaunay, sparse_label
from pipelines.landmarks.face_mesh import IBUG_68

SHAPE = (512, 512)


def test_equals_griddata_on_the_68_points(portrait_landmarks):
    """The paper resamples with SciPy's linear griddata, which triangulates the same points."""
    moved = portrait_landmarks + np.random.default_rng(0).normal(0, 2, (478, 2))
    flow, valid = sparse_label(portrait_landmarks, moved, SHAPE)
    points = portrait_landmarks[IBUG_68].astype(np.float64)
    theirs = griddata(points, moved[IBUG_68] - points, pixel_grid(SHAPE).astype(np.float64), method="linear")
    np.testing.assert_array_equal(valid, np.isfinite(theirs[..., 0]))
    np.testing.assert_allclose(flow[valid], theirs[valid], atol=1e-2)


def test_affine_motion_is_exact_inside_the_hull_only(portrait_landmarks):
    matrix = np.array([[0.02, 0.05], [-0.03, 0.01]])
    flow, valid = sparse_label(portrait_landmarks, portrait_landmarks @ (np.eye(2) + matrix), SHAPE)
    np.testing.assert_allclose(flow[valid], (pixel_grid(SHAPE) @ matrix)[valid], atol=1e-3)
    assert abs(valid.sum() - ConvexHull(portrait_landmarks[IBUG_68]).volume) < 0.02 * valid.sum()
    assert (flow[~valid] == 0).all()


def test_triangles_face_the_camera():
    points = np.random.default_rng(1).uniform(0, 100, (40, 2))
    triangles = delaunay(points)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a) > 0).all()
    assert {frozenset(t) for t in triangles.tolist()} == {
        frozenset(t) for t in Delaunay(points).simplices.tolist()
    }


@pytest.mark.parametrize("frame", [0, 1])
@pytest.mark.parametrize("count", [49, 68, 478])
def test_landmarks_that_are_not_numbers(portrait_landmarks, frame, count):
    both = [portrait_landmarks[:count].copy(), portrait_landmarks[:count].copy()]
    both[frame][3] = np.nan
    with pytest.raises(InputError, match="must be finite numbers"):
        sparse_label(*both, SHAPE)


def test_wrong_landmarks(portrait_landmarks):
    with pytest.raises(InputError, match="landmarks"):
        sparse_label(portrait_landmarks[:68], portrait_landmarks, SHAPE)


@pytest.mark.parametrize("points", [np.arange(68), np.r_[17:60, 61:64, 65:68]])
def test_points_that_a_corpus_hands_out(portrait_landmarks, points):
    """CK+ has all 68, BP4D 49 of them: no jaw line, no inner corners of the lips."""
    moved = portrait_landmarks + np.random.default_rng(0).normal(0, 2, (478, 2))
    own = [landmarks[IBUG_68][points].astype(np.float64) for landmarks in (portrait_landmarks, moved)]
    flow, valid = sparse_label(*own, SHAPE)
    theirs = griddata(own[0], own[1] - own[0], pixel_grid(SHAPE).astype(np.float64), method="linear")
    np.testing.assert_array_equal(valid, np.isfinite(theirs[..., 0]))
    np.testing.assert_allclose(flow[valid], theirs[valid], atol=1e-2)
    with pytest.raises(InputError, match="68 or 49"):
        sparse_label(own[0][:20], own[1][:20], SHAPE)


def test_landmarks_with_a_depth_are_refused():
    with pytest.raises(InputError, match=r"landmarks \(x, y\).*\(68, 3\)"):
        sparse_label(np.zeros((68, 3)), np.zeros((68, 3)), (20, 20))
