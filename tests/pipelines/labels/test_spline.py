import subprocess
import sys

import cv2
import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.spline import CONTROL_POINTS, spline_flow, spline_label

SHAPE = (256, 256)


@pytest.fixture(scope="module")
def points(portrait_landmarks):
    return portrait_landmarks / 2


def smooth_motion(points):
    x, y = points[..., 0], points[..., 1]
    return np.stack([2 * np.sin(y / 30) + 1, 1.5 * np.cos(x / 40) - 0.5], axis=-1)


def test_affine_motion_is_exact_everywhere(points):
    matrix = np.array([[0.02, 0.05], [-0.03, 0.01]])
    flow, valid = spline_label(points, points @ (np.eye(2) + matrix) + [1, 2], SHAPE)
    assert valid.all()
    np.testing.assert_allclose(flow, pixel_grid(SHAPE) @ matrix + [1, 2], atol=0.03)


def test_close_to_scipys_thin_plate_spline(points):
    """Ours bends a little less and is evaluated on every fourth pixel."""
    moved = points + smooth_motion(points)
    flow, _ = spline_label(points, moved, SHAPE)
    theirs = RBFInterpolator(
        points[CONTROL_POINTS], (moved - points)[CONTROL_POINTS], kernel="thin_plate_spline"
    )
    inner = pixel_grid(SHAPE)[40:200:5, 70:170:5]
    expected = theirs(inner.reshape(-1, 2)).reshape(inner.shape)
    assert np.abs(flow[40:200:5, 70:170:5] - expected).mean() < 0.1


@pytest.mark.parametrize(("scale", "noise"), [(1, 1), (1, 8), (0.1, 8)])
def test_float32_is_enough_where_landmarks_are_close_and_noisy(points, scale, noise):
    """SciPy in float64. Without regularisation, Addons' spline is pixels off its own knots in float32."""
    first = 128 + scale * (points - 128)
    motion = np.random.default_rng(0).normal(0, noise, points.shape)
    flow, _ = spline_label(first, first + motion, SHAPE)
    knots = first[CONTROL_POINTS].astype(np.float64) / 256
    theirs = RBFInterpolator(knots, motion[CONTROL_POINTS], kernel="thin_plate_spline", smoothing=1e-3)
    # In the corners the spline itself is evaluated, and errors of its coefficients count most.
    corners = flow[[0, 0, -1, -1], [0, -1, 0, -1]]
    expected = theirs(np.array([[0, 0], [255, 0], [0, 255], [255, 255]]) / 256)
    assert np.abs(corners - expected).max() < 2e-3 * np.abs(expected).max()


def test_residual_at_the_knots(points):
    """The spline passes near the landmarks, because it smooths their jitter."""
    motion = smooth_motion(points)
    flow, _ = spline_label(points, points + motion, SHAPE)
    x, y = points[CONTROL_POINTS].T.astype(np.float32)[:, None]
    at_knots = cv2.remap(flow, x, y, cv2.INTER_LINEAR)[0]
    residual = np.linalg.norm(at_knots - motion[CONTROL_POINTS], axis=-1)
    assert residual.mean() < 0.02
    assert residual.max() < 0.05


def test_batches_equal_single_labels(points):
    first, second = points + smooth_motion(points), points * 1.02
    together = spline_flow(
        np.stack([points, points]).astype(np.float32), np.stack([first, second]).astype(np.float32), (64, 96)
    )
    for one, moved in zip(together.numpy(), (first, second), strict=True):
        np.testing.assert_allclose(one, spline_label(points, moved, (64, 96))[0], atol=1e-3)


def test_wrong_landmarks(points):
    with pytest.raises(InputError, match="landmarks"):
        spline_label(points[:68], points, SHAPE)


def test_labels_are_imported_without_tensorflow():
    code = "import sys, pipelines.labels; print('tensorflow' in sys.modules, 'mediapipe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
