import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import mesh_label
from pipelines.landmarks.face_mesh import face_mask
from pipelines.landmarks.head_motion import STABLE, fit_affine, split_head

SHAPE = (512, 512)


def flows(points, strength=6.0):
    """A head that turns, shifts and foreshortens, and a mouth that smiles; on the grid and at points."""

    def head(p):
        return (p - [256, 200]) @ np.array([[-0.02, 0.03], [-0.025, 0.01]]) + [3.0, -2.0]

    def mouth(p):
        return strength * sum(
            np.exp(-np.square(p - points[corner]).sum(-1) / (2 * 12**2))[..., None] * [side, -0.7]
            for corner, side in ((61, -1), (291, 1))
        )

    return head, mouth


def test_head_and_expression_come_apart(portrait_landmarks):
    head, mouth = flows(portrait_landmarks)
    grid = pixel_grid(SHAPE).astype(np.float64)
    valid = face_mask(portrait_landmarks, SHAPE)
    moved = portrait_landmarks + head(portrait_landmarks) + mouth(portrait_landmarks)
    found_head, found_expression = split_head(
        portrait_landmarks, moved, (head(grid) + mouth(grid)).astype(np.float32), valid
    )
    assert np.abs(found_head - head(grid))[valid].max() < 0.1
    assert np.abs(found_expression - mouth(grid))[valid].max() < 0.1
    assert (found_expression[~valid] == 0).all()


def test_stable_points_that_move_are_let_go(portrait_landmarks):
    """Raised brows take some of the forehead's points along."""
    head, _ = flows(portrait_landmarks)
    motion = head(portrait_landmarks[STABLE])
    motion[::4] += [0, -5]
    affine = fit_affine(portrait_landmarks[STABLE], motion)
    design = np.column_stack([portrait_landmarks[STABLE], np.ones(len(STABLE))])
    np.testing.assert_allclose(design @ affine, head(portrait_landmarks[STABLE]), atol=0.01)


def test_landmarks_stand_in_where_there_is_no_flow(portrait_landmarks):
    head, _ = flows(portrait_landmarks)
    nothing = np.zeros((*SHAPE, 2), np.float32), np.zeros(SHAPE, bool)
    moved = portrait_landmarks + head(portrait_landmarks)
    found, expression = split_head(portrait_landmarks, moved, *nothing)
    grid = pixel_grid(SHAPE).astype(np.float64)
    np.testing.assert_allclose(found, head(grid), atol=0.01)
    assert (expression == 0).all()


def test_flow_that_is_not_valid_is_no_motion_of_the_head(portrait_landmarks):
    """Half of the stable points lie on the outline of the face, where a label ends and is 0."""
    flow, valid = mesh_label(portrait_landmarks, portrait_landmarks + np.float32([10, 0]), SHAPE)
    errors = []
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 0.6, portrait_landmarks.shape)
        head, _ = split_head(portrait_landmarks, portrait_landmarks + [10, 0] + noise, flow, valid)
        errors.append(np.linalg.norm(head[valid].mean(axis=0) - [10, 0]))
    assert np.mean(errors) < 0.1


def test_a_still_head_is_still(portrait_landmarks):
    valid = np.ones(SHAPE, bool)
    head, expression = split_head(
        portrait_landmarks, portrait_landmarks, np.zeros((*SHAPE, 2), np.float32), valid
    )
    assert np.abs(head).max() < 1e-5
    assert np.abs(expression).max() < 1e-5


def test_bad_input(portrait_landmarks):
    with pytest.raises(InputError, match="one size"):
        split_head(portrait_landmarks, portrait_landmarks, np.zeros((9, 9, 2)), np.zeros((8, 9), bool))
    with pytest.raises(InputError, match="landmarks"):
        split_head(portrait_landmarks[:68], portrait_landmarks, np.zeros((9, 9, 2)), np.zeros((9, 9), bool))
