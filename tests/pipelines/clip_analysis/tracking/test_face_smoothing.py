import numpy as np
import pytest
import scipy.ndimage

from pipelines.clip_analysis.tracking.face_smoothing import FaceSmoothing


@pytest.fixture
def face():
    rows, columns = np.mgrid[:96, :96]
    return np.hypot(rows - 48, columns - 48) < 30


def moving(mask):
    """A face that moves by 4 px to the right before a background that stays."""
    return np.where(mask[..., None], np.float32([4, 0]), np.float32(0))


def rigid(pixels):
    return np.broadcast_to(np.float32([pixels, 0]), (96, 96, 2))


def grown(face, by):
    rows, columns = np.mgrid[:96, :96]
    return np.hypot(rows - 48, columns - 48) < 30 + by


def test_neither_the_face_nor_the_background_gets_motion_of_the_other(face):
    smooth = FaceSmoothing(face).blurred(moving(grown(face, 5)), 6.0)
    assert smooth[face] == pytest.approx(np.tile([4, 0], (face.sum(), 1)), abs=0.3)
    far = ~grown(face, 8)
    assert smooth[far] == pytest.approx(0, abs=0.3)


def test_noise_is_smoothed(face):
    noise = np.random.default_rng(0).normal(size=(96, 96, 2)).astype(np.float32)
    assert FaceSmoothing(face).blurred(noise, 3.0)[face].std() < 0.2


@pytest.mark.parametrize("deviation", [2.5, 6.0])
def test_deep_inside_of_the_face_it_is_a_gaussian(face, deviation):
    rows, columns = np.mgrid[:96, :96] / 96
    flow = np.stack([np.sin(13 * rows + 4), np.cos(9 * columns)], -1).astype(np.float32)
    inside = scipy.ndimage.distance_transform_edt(face) > 3 * deviation
    smooth = FaceSmoothing(face).blurred(flow, deviation)
    expected = scipy.ndimage.gaussian_filter(flow, (deviation, deviation, 0))
    np.testing.assert_allclose(smooth[inside], expected[inside], atol=0.02)


@pytest.mark.parametrize("mask", [np.s_[40:46], np.s_[0:0]], ids=["strip", "nothing"])
def test_a_thin_face_keeps_its_flow(mask):
    """A strip of 6 px, as the border of the frame leaves of a face, has no inside to take the flow from."""
    face = np.zeros((96, 96), bool)
    face[mask] = True
    flow = moving(np.ones((96, 96), bool))
    smoothing = FaceSmoothing(face)
    assert np.array_equal(smoothing.with_outline(flow, rigid(400.0)), flow)
    assert smoothing.blurred(flow, 3.0) == pytest.approx(flow, abs=1e-4)


def test_the_outline_moves_as_the_face_beside_it(face):
    """An estimator that mixes both within 3 px of the outline."""
    mixed = moving(grown(face, -3))
    found = FaceSmoothing(face).with_outline(mixed, rigid(400.0))
    assert found[face] == pytest.approx(np.tile([4, 0], (face.sum(), 1)), abs=0.05)
    assert np.array_equal(found[~grown(face, 8)], mixed[~grown(face, 8)])


def test_an_expression_keeps_its_outline_where_the_head_is_still(face):
    """The chin moves most along the outline: its flow is not that of the face 4 px inside."""
    rows = np.mgrid[:96, :96][0]
    chin = np.exp(-np.square(rows - 78) / 18)[..., None] * np.float32([0, 6])
    smoothing = FaceSmoothing(face)
    assert smoothing.with_outline(chin, rigid(0.3)) == pytest.approx(chin, abs=0.2)
    assert np.abs(smoothing.with_outline(chin, rigid(400.0)) - chin).max() > 1
