import cv2
import numpy as np
import pytest

from pipelines.micro_expressions.feature_pictures import from_picture, normalise, to_picture


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.standard_normal((28, 28, 3)).astype(np.float32), (0, 0), 3)
    smooth[:16] = 0  # most of a face is at rest
    smooth[..., 2] = np.abs(smooth[..., 2])
    return smooth * (3, 0.2, 50)


def test_stretched_as_opencv_stretches(features):
    """HTNet's own script calls `cv2.normalize(..., NORM_MINMAX)` on each channel."""
    picture = to_picture(features)
    for k in range(3):
        theirs = cv2.normalize(features[..., k], None, 0, 255, cv2.NORM_MINMAX)
        assert np.abs(picture[..., k] - theirs).max() <= 0.5 + 1e-4


def test_what_comes_back_is_the_features_but_for_scale(features):
    back = from_picture(to_picture(features))
    for k in range(3):
        assert np.corrcoef(back[..., k].ravel(), features[..., k].ravel())[0, 1] > 0.9999
    # Where there was no motion there is none, up to a step of 8 bits.
    still = features[..., :2] == 0
    assert np.abs(back[..., :2][still]).max() < 0.05
    np.testing.assert_allclose(np.square(back).mean(axis=(0, 1)), (0.5, 0.5, 1), rtol=1e-5)


def test_no_motion_stays_none():
    picture = to_picture(np.full((28, 28, 3), 7.0))
    assert not picture.any()
    assert not from_picture(picture).any()
    assert not normalise(np.zeros((2, 28, 28, 3), np.float32)).any()
