import cv2
import numpy as np
import pytest

from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.clip_analysis.tracking.tracker import MotionTracker
from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid, sample
from pipelines.landmarks.face_mesh import face_mask


@pytest.fixture
def tracker(portrait, portrait_landmarks, dis):
    return MotionTracker(reference_crop(portrait, portrait_landmarks), dis)


def errors(tracker, tracked, flow):
    """End-point error in the face, pixels of the frame."""
    found, inside = tracker.reference.frame_flow(tracked.flow, flow.shape[:2])
    face, _ = tracker.reference.frame_flow(
        np.repeat(tracker.reference.face[..., None], 2, axis=-1).astype(np.float32), flow.shape[:2]
    )
    where = inside & (np.abs(face[..., 0]) > 0.9 / tracker.reference.scale)
    return np.linalg.norm(found - flow, axis=-1)[where]


def test_far_motion_is_followed(tracker, moved):
    """A head that travels by 30 px in steps of 3 px: landmarks are wrong by 2 px and correct nothing."""
    rng = np.random.default_rng(0)
    for step in range(1, 11):
        affine = np.array(
            [[0.002 * step, 0.004 * step], [-0.004 * step, 0.002 * step], [3.0 * step, -1.0 * step]]
        )
        frame, landmarks, flow = moved(affine, smile=0.6 * step)
        tracked = tracker(frame, landmarks + rng.normal(0, 2, (478, 2)).astype(np.float32))
        assert errors(tracker, tracked, flow).mean() < 0.35
        assert tracked.status == ("tracked" if step > 1 else "restarted")
    assert np.linalg.norm(flow, axis=-1).mean() > 25


def test_the_outline_moves_with_the_face_and_not_with_the_background(tracker, portrait, moved):
    """A head that moves by 8 px before a background that stays; the mean error along its outline."""
    reference = tracker.reference
    for step in range(1, 5):
        frame, landmarks, flow = moved(np.array([[0, 0], [0, 0], [2.0 * step, -0.5 * step]]))
        head = cv2.dilate(face_mask(landmarks, portrait.shape[:2]).astype(np.uint8), np.ones((13, 13)))
        tracked = tracker(np.where(head[..., None] > 0, frame, portrait), landmarks)
    found, _ = reference.frame_flow(tracked.flow, portrait.shape[:2])
    face = reference.in_frame(reference.face, portrait.shape[:2])
    outline = face & (cv2.erode(face.astype(np.uint8), np.ones((9, 9))) == 0)
    assert np.linalg.norm(found - flow, axis=-1)[outline].mean() < 0.02


def test_errors_do_not_add_up(tracker, moved):
    """The same motion comes and goes: the last answer is as good as the first."""
    found = []
    for step in range(24):
        frame, landmarks, flow = moved(smile=4 * abs(np.sin(step * np.pi / 6)))
        found.append(errors(tracker, tracker(frame, landmarks), flow).mean())
    assert np.mean(found[18:]) < 1.1 * np.mean(found[:6]) + 0.01


def test_head_and_expression_are_apart(tracker, moved):
    affine = np.array([[0.01, 0.02], [-0.02, 0.01], [4.0, -2.0]])
    frame, landmarks, _ = moved(affine)
    still = tracker(frame, landmarks)
    face = tracker.reference.face
    assert np.linalg.norm(still.expression, axis=-1)[face].mean() < 0.15
    frame, landmarks, _ = moved(affine, smile=6)
    smiling = tracker(frame, landmarks)
    around = np.linalg.norm(pixel_grid(face.shape) - tracker.reference.landmarks[291], axis=-1) < 10
    _, _, true = moved(smile=6)
    at = tracker.reference.to_frame(pixel_grid(face.shape))
    expected = sample(true, at)[around].mean(axis=0) * tracker.reference.scale
    np.testing.assert_allclose(smiling.expression[around].mean(axis=0), expected, rtol=0.15)
    forehead = tracker.reference.landmarks[[9, 151, 108, 337]].round().astype(int)
    assert np.linalg.norm(smiling.expression[forehead[:, 1], forehead[:, 0]], axis=-1).max() < 0.3


def test_still_face_does_not_move(tracker, portrait, portrait_landmarks):
    for seed in range(3):
        jitter = np.random.default_rng(seed).normal(0, 0.7, (478, 2)).astype(np.float32)
        tracked = tracker(portrait, portrait_landmarks + jitter)
        flow = tracked.flow[tracked.valid]
        assert np.linalg.norm(flow, axis=-1).mean() < 0.05
        assert np.linalg.norm(flow.mean(axis=0)) < 0.02


@pytest.mark.parametrize(("length", "least", "most"), [(0.3, 0.9, 1.01), (0.05, 0.0, 0.25)])
def test_small_motion_is_kept_and_what_is_smaller_is_not(portrait, portrait_landmarks, length, least, most):
    """A corner of the mouth that moves as an estimator without an error says, over some ten pixels."""
    reference = reference_crop(portrait, portrait_landmarks)
    distance = np.linalg.norm(pixel_grid(reference.face.shape) - reference.landmarks[291], axis=-1)
    true = np.zeros((*reference.face.shape, 2), np.float32)
    true[..., 0] = length * np.exp(-np.square(distance / 12) / 2)

    def knows(crop1, crop2):
        return true, np.ones(reference.face.shape, bool)

    found = MotionTracker(reference, knows)(portrait, portrait_landmarks).flow
    corner = distance < 3
    assert least <= found[corner, 0].mean() / true[corner, 0].mean() <= most


def test_lost_and_found_again(tracker, portrait, portrait_landmarks, moved):
    tracker(portrait, portrait_landmarks)
    noise = np.random.default_rng(0).integers(0, 256, portrait.shape, np.uint8)
    lost = tracker(noise, portrait_landmarks)
    assert lost.status == "lost"
    assert not lost.valid.any()
    frame, landmarks, flow = moved(np.array([[0, 0], [0, 0], [25.0, 10.0]]), smile=3)
    again = tracker(frame, landmarks)
    assert again.status == "restarted"
    assert errors(tracker, again, flow).mean() < 0.3


def test_uncertain_where_something_covers_the_face(tracker, portrait, portrait_landmarks):
    covered = portrait.copy()
    x, y = portrait_landmarks[50].round().astype(int)
    covered[y - 12 : y + 12, x - 12 : x + 12] = np.random.default_rng(0).integers(0, 256, (24, 24, 3))
    tracked = tracker(covered, portrait_landmarks)
    crop = tracker.reference.landmarks.round().astype(int)
    assert not tracked.valid[crop[50, 1], crop[50, 0]]
    assert tracked.valid[crop[280, 1], crop[280, 0]]
    assert tracked.uncertainty[crop[50, 1], crop[50, 0]] > 3 * tracked.uncertainty[crop[280, 1], crop[280, 0]]


def test_a_flow_that_is_not_finite_is_an_error(portrait, portrait_landmarks):
    def estimate(frame1, frame2):
        flow = np.zeros((*frame1.shape[:2], 2), np.float32)
        flow[100, 100] = np.nan
        return flow, np.ones(frame1.shape[:2], bool)

    tracker = MotionTracker(reference_crop(portrait, portrait_landmarks), estimate)
    with pytest.raises(InputError, match="the flow of the face is not finite"):
        tracker(portrait, portrait_landmarks)
