import numpy as np

from pipelines.landmarks.head_motion import STABLE, fit_affine


def test_stable_points_that_move_are_let_go(portrait_landmarks):
    """Raised brows take some of the forehead's points along."""
    points = portrait_landmarks[STABLE]
    head = (points - [256, 200]) @ np.array([[-0.02, 0.03], [-0.025, 0.01]]) + [3.0, -2.0]
    motion = head.copy()
    motion[::4] += [0, -5]
    affine = fit_affine(points, motion)
    design = np.column_stack([points, np.ones(len(STABLE))])
    np.testing.assert_allclose(design @ affine, head, atol=0.01)
