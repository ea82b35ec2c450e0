import numpy as np

from pipelines.clip_analysis.tracking.given_landmarks import GivenLandmarks, complete_landmarks
from pipelines.landmarks.canonical_face import canonical_landmarks
from pipelines.landmarks.face_mesh import IBUG_68


def test_the_canonical_face_is_itself():
    """However it is turned, enlarged and moved: a spline reproduces affine maps."""
    canonical = canonical_landmarks()[:, :2].astype(np.float64)
    placed = canonical @ np.array([[9.0, 2.0], [-2.0, 8.0]]) + [120, 90]
    found = complete_landmarks(placed[IBUG_68])
    assert found.shape == (478, 2)
    np.testing.assert_allclose(found[:468], placed, atol=1e-3)


def test_a_real_mesh_is_completed(portrait_landmarks):
    """From 68 points of the portrait: the others are off by no more than faces differ in shape."""
    found = complete_landmarks(portrait_landmarks[IBUG_68])
    np.testing.assert_allclose(found[IBUG_68], portrait_landmarks[IBUG_68], atol=1e-3)
    size = np.ptp(portrait_landmarks, axis=0).max()
    apart = np.linalg.norm(found - portrait_landmarks, axis=-1)
    assert apart.mean() < 0.02 * size
    assert apart[468:].mean() < 0.03 * size


def test_frames_beyond_the_table_have_no_face():
    frame = np.zeros((8, 8, 3), np.uint8)
    points = np.random.default_rng(0).random((68, 2)).astype(np.float32)
    given = GivenLandmarks([None, points])
    given.reset()
    assert given(frame) is None
    assert given(frame).faces_in_frame == 1
    assert given(frame) is None
