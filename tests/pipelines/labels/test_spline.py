import subprocess
import sys

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
