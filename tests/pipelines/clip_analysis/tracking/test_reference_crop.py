import cv2
import numpy as np
import pytest

from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.image.warping import pixel_grid
from pipelines.micro_expressions.alignment import align, alignment


@pytest.fixture(scope="module")
def reference(portrait, portrait_landmarks):
    return reference_crop(portrait, portrait_landmarks, 7)


def _enlarged(portrait, landmarks, times):
    large = cv2.resize(portrait, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    return large, (landmarks + 0.5) * times - 0.5


def test_picture_is_turned_as_the_aligned_crop(portrait, portrait_landmarks):
    """A face of 448 px, cut by OpenCV's warp of the aligned crop."""
    large, landmarks = _enlarged(portrait, portrait_landmarks, 3)
    found = reference_crop(large, landmarks)
    similarity = alignment(landmarks)
    to_frame = np.vstack([cv2.invertAffineTransform(similarity), [0, 0, 1]])
    aligned = align(large, similarity)
    between = (found.similarity @ to_frame).astype(np.float32)
    np.testing.assert_allclose(between[:, :2], np.eye(2) / found.aligned_scale, atol=1e-6)
    expected = cv2.warpAffine(aligned, between, (found.size,) * 2, flags=cv2.INTER_CUBIC)
    within = cv2.warpAffine(np.ones_like(aligned), between, (found.size,) * 2)[..., 0] > 0
    assert np.abs(found.picture.astype(float) - expected)[found.face & within].mean() < 2


@pytest.mark.parametrize("times", [0.3, 1, 1.4, 3])
@pytest.mark.parametrize("degrees", [0, 20])
def test_holds_the_whole_face(portrait, portrait_landmarks, times, degrees):
    """From the hair to the chin, with 8 px around it, also where the face is long, turned, small or large."""
    stretched, landmarks = _enlarged(portrait, portrait_landmarks, times)
    turn = cv2.getRotationMatrix2D((stretched.shape[1] / 2, stretched.shape[0] / 2), degrees, 1.0)
    stretched = cv2.warpAffine(stretched, turn, stretched.shape[1::-1])
    landmarks = (landmarks @ turn[:, :2].T + turn[:, 2]) * (1, 1.2)
    stretched = cv2.resize(stretched, None, fx=1, fy=1.2)
    found = reference_crop(stretched, landmarks)
    assert found.size % 16 == 0
    assert 96 <= found.size <= 224
    assert found.scale <= 1 + 1e-9
    low, high = found.landmarks.min(axis=0), found.landmarks.max(axis=0)
    assert (low >= 8 - 1e-3).all()
    assert (high <= found.size - 9 + 1e-3).all()
    np.testing.assert_allclose((low + high) / 2, (found.size - 1) / 2, atol=1e-2)


def test_face_keeps_the_pixels_of_the_frame(reference):
    assert reference.scale == pytest.approx(1)


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
