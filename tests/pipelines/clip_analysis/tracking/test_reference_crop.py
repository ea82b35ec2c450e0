import cv2
import numpy as np
import pytest

from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.image.warping import pixel_grid
from pipelines.micro_expressions.alignment import align, alignment


@pytest.fixture(scope="module")
def reference(portrait, portrait_landmarks):
    return reference_crop(portrait, portrait_landmarks, 7)


def test_picture_is_the_aligned_crop(portrait, portrait_landmarks):
    """A face of 448 px: the crop is that of `alignment`, cut by OpenCV's warp."""
    large = cv2.resize(portrait, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    landmarks = (portrait_landmarks + 0.5) * 3 - 0.5
    found = reference_crop(large, landmarks)
    expected = align(large, alignment(landmarks))
    assert found.picture.shape == (224, 224, 3)
    assert np.abs(found.picture.astype(float) - expected)[found.face].mean() < 2


def test_size_is_that_of_the_face_in_the_frame(reference):
    assert 96 <= reference.size < 224
    assert reference.size % 16 == 0
    assert 0.85 < reference.scale < 1.15


def test_points_go_there_and_back(reference, portrait_landmarks):
    np.testing.assert_allclose(reference.to_frame(reference.landmarks), portrait_landmarks, atol=1e-2)
    np.testing.assert_allclose(reference.to_crop(portrait_landmarks), reference.landmarks, atol=1e-3)


def test_flow_goes_to_the_frame(reference, portrait):
    """A similarity of the frame is one of the crop: known by hand."""
    angle, shift = 0.1, np.array([5.0, -3.0])
    turn = np.array([[np.cos(angle) - 1, np.sin(angle)], [-np.sin(angle), np.cos(angle) - 1]])
    grid = pixel_grid(portrait.shape[:2])
    true = grid @ turn + shift
    crop_grid = pixel_grid((reference.size, reference.size))
    at = reference.to_frame(crop_grid)
    flow = reference.to_crop(at + at @ turn + shift) - crop_grid
    found, inside = reference.frame_flow(flow, portrait.shape[:2])
    np.testing.assert_allclose(found[inside], true[inside], atol=1e-2)
    assert (found[~inside] == 0).all()


def test_sampled_by_its_flow(reference, portrait):
    """A frame shifted by whole pixels, brought back by that shift, is the reference picture."""
    shifted = np.roll(portrait, (6, -9), axis=(0, 1))
    step = np.array([-9.0, 6.0]) @ reference.similarity[:, :2].T
    flow = np.broadcast_to(step, (reference.size, reference.size, 2)).astype(np.float32)
    back = reference.sampled(shifted, flow)
    assert np.abs(back.astype(int) - reference.picture).max() <= 1
