import numpy as np
import pytest

from pipelines.landmarks.face_check import _mean_face, mirror_error, same_face, shape_error
from pipelines.synthetic.renderer.geometry.head import head_model


@pytest.fixture
def mean_face():
    """The mean face as a mesh in a picture: 30 pixels a centimetre."""
    points = np.zeros((478, 3))
    points[:468] = head_model().vertices[:468]
    points[468:] = head_model().irises
    return (30 * points + [320, 240, 0]).astype(np.float32)


def test_the_table_is_the_base_head_of_the_renderer(mean_face):
    table = _mean_face()
    np.testing.assert_allclose(30 * table[:, :3] + [320, 240, 0], mean_face, atol=0.02)
    np.testing.assert_array_equal(table[:, 3], head_model().mirror)


def rotation(yaw):
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


@pytest.mark.parametrize("yaw", [0, 0.5, 1.3])
def test_the_mean_face_has_no_error_however_it_is_turned(mean_face, yaw):
    assert shape_error((mean_face @ rotation(yaw).T).astype(np.float32)) < 1e-3


def test_the_shape_error_by_hand(mean_face):
    """Noise of a tenth of the size, in all three directions together."""
    noise = np.random.default_rng(0).normal(size=(478, 3))
    size = np.sqrt(np.square(mean_face[:468] - mean_face[:468].mean(axis=0)).sum(axis=1).mean())
    noisy = mean_face + 0.1 * size / np.sqrt(3) * noise
    assert shape_error(noisy) == pytest.approx(0.1 / np.sqrt(1 + 0.1**2), rel=0.05)


def test_a_mesh_inside_out_is_no_face(mean_face):
    assert shape_error(mean_face * np.float32([1, 1, -1])) > 0.3


def test_the_mirror_error_by_hand(mean_face):
    mirrored = mean_face[head_model().mirror].copy()
    mirrored[:, 0] = 640 - 1 - mirrored[:, 0]
    assert mirror_error(mean_face, mirrored, 640) < 1e-6
    height = np.ptp(mean_face[:468, 1])
    assert mirror_error(mean_face, mirrored + [3, 4, 0], 640) == pytest.approx(5 / height, rel=1e-4)


def test_the_same_face_moved_and_another(mean_face):
    points = mean_face[:, :2]
    assert same_face(points, 0.7 * points[:, :] @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + 5)
    assert not same_face(points, points * [1, 0.7])
