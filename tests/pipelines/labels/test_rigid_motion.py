from dataclasses import replace

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import mesh_label
from pipelines.labels.rigid_motion import RigidMotion, split_head
from pipelines.landmarks.face_mesh import face_mask
from pipelines.synthetic.renderer.clip_script import draw_clip
from pipelines.synthetic.renderer.geometry.facial_expression import expression


def test_a_turn_in_space():
    """A head that is not the mean one, in perspective: an affine motion leaves more than twice as much."""
    script = draw_clip(43, 0, kind="head", frames=12, size=160)
    landmarks = script.at(0).landmarks
    true, face = mesh_label(landmarks, script.at(6).landmarks, (160, 160))
    head = RigidMotion(landmarks, face)
    found = head.flow(head.fit(true))
    assert np.linalg.norm(true, axis=-1)[face].mean() > 2
    columns = np.column_stack([pixel_grid(true.shape[:2])[face], np.ones(face.sum())])
    affine = columns @ np.linalg.lstsq(columns, true[face], rcond=None)[0]
    left = np.linalg.norm(found - true, axis=-1)[face].mean()
    assert left < 0.5 * np.linalg.norm(affine - true[face], axis=-1).mean()


@pytest.mark.parametrize("moving", ["below the nose", "above the eyes"])
@pytest.mark.parametrize("length", [4, 12])
def test_an_expression_is_no_part_of_it(portrait_landmarks, portrait, moving, length):
    """A fifth to a third of the face moves up: the motion of the head is found all the same, by hand."""
    shape = portrait.shape[:2]
    face = face_mask(portrait_landmarks, shape)
    head = RigidMotion(portrait_landmarks, face)
    grid = pixel_grid(shape)
    similarity = np.array([[0.01, -0.025], [0.025, 0.01], [1.5, -2.5]])
    true = (grid @ similarity[:2] + similarity[2]).astype(np.float32)
    flow, down = true.copy(), grid[..., 1]
    part = down > portrait_landmarks[2, 1] if moving == "below the nose" else down < portrait_landmarks[27, 1]
    assert 0.2 < (part & face).sum() / face.sum() < 0.4
    flow[part] += np.float32([0, -length])
    found = head.flow(head.fit(flow))
    assert np.linalg.norm(found - true, axis=-1)[face].max() < 0.05


@pytest.mark.parametrize("units", [{"AU01": 1, "AU02": 1}, {"AU04": 1}, {"AU12": 1}, {"AU26": 1}])
def test_a_rendered_expression_is_no_part_of_it(units):
    """Brows that rise or frown and take the forehead with them, a smile, a jaw that drops; exact flow."""
    still = draw_clip(43, 0, kind="micro", frames=12, size=160).at(0)
    moved = replace(still, state=expression(**units))
    landmarks = still.landmarks
    true, face = mesh_label(landmarks, moved.landmarks, (160, 160))
    assert np.linalg.norm(true, axis=-1)[face].max() > 2
    head = RigidMotion(landmarks, face)
    found = head.flow(head.fit(true))
    assert np.linalg.norm(found, axis=-1)[face].mean() < 0.1


def test_landmarks_without_irises_are_refused(portrait_landmarks):
    with pytest.raises(InputError, match=r"\(478, 2\), not \(468, 2\)"):
        RigidMotion(portrait_landmarks[:468], face_mask(portrait_landmarks, (512, 512)))


SHAPE = (512, 512)


def flows(points, strength=6.0):
    """A head that comes closer, tilts and shifts, and a mouth that smiles; on the grid and at points."""

    def head(p):
        return (p - [256, 200]) @ np.array([[-0.02, 0.03], [-0.03, -0.02]]) + [3.0, -2.0]

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
