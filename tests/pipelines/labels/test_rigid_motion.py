from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import mesh_label
from pipelines.labels.rigid_motion import RigidMotion, split_head
from pipelines.landmarks.canonical_face import canonical_landmarks
from pipelines.landmarks.face_mesh import face_mask, with_irises
from pipelines.synthetic.renderer.clip_script import draw_clip
from pipelines.synthetic.renderer.geometry.facial_expression import expression

SURPRISE = {"AU01": 1, "AU02": 1, "AU05": 1, "AU26": 1}


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


@pytest.mark.parametrize(
    "units", [{"AU01": 1, "AU02": 1}, {"AU04": 1}, {"AU06": 1, "AU12": 1}, {"AU26": 1}, SURPRISE]
)
def test_a_rendered_expression_is_no_part_of_it(units):
    """Brows that rise or frown and take the forehead with them, a smile, a jaw that drops, or all of it."""
    still = draw_clip(43, 0, kind="micro", frames=12, size=160).at(0)
    moved = replace(still, state=expression(**units))
    landmarks = still.landmarks
    true, face = mesh_label(landmarks, moved.landmarks, (160, 160))
    assert np.linalg.norm(true, axis=-1)[face].max() > 2
    head = RigidMotion(landmarks, face)
    found = head.flow(head.fit(true))
    assert np.linalg.norm(found, axis=-1)[face].mean() < 0.17


@pytest.mark.parametrize("size", [160, 640, 1600])
def test_the_size_of_the_face_does_not_matter(size):
    """A smile, by landmarks whose error is 0.4 % of the face."""
    still = draw_clip(43, 0, kind="micro", frames=12, size=160).at(0)
    landmarks = still.landmarks * (size / 160)
    extent = np.ptp(landmarks, axis=0).max()
    noise = np.random.default_rng(0).normal(0, 0.004 * extent, landmarks.shape)
    moved = replace(still, state=expression(AU12=1)).landmarks * (size / 160) + noise
    true, face = mesh_label(landmarks, moved, (size, size))
    head, _ = split_head(landmarks, moved, true, face)
    assert np.linalg.norm(head, axis=-1)[face].mean() < 0.003 * extent


@pytest.mark.parametrize("before", [(0, 0), (30, 0), (-45, 0), (0, 20), (20, -10)])
@pytest.mark.parametrize("turn", [(5, 0), (-10, 0), (0, 10), (8, 6)])
def test_a_turn_of_the_mean_head_from_any_pose(before, turn):
    """Under weak perspective it is found exactly; nothing is left for an expression."""
    head = with_irises(canonical_landmarks().astype(np.float64))
    head -= head.mean(axis=0)

    def points(yaw, pitch):
        return Rotation.from_euler("yx", [yaw, pitch], degrees=True).apply(head)[:, :2] * 12 + 112

    landmarks, later = points(*before), points(*np.add(before, turn))
    true, face = mesh_label(landmarks, later, (224, 224))
    motion = RigidMotion(landmarks, face)
    found = motion.fit(true)
    assert np.linalg.norm(true, axis=-1)[face].mean() > 0.5
    assert np.linalg.norm(motion.flow(found) - true, axis=-1)[face].mean() < 0.02


def test_a_flow_that_is_not_finite_is_refused(portrait_landmarks):
    face = face_mask(portrait_landmarks, (512, 512))
    flow = np.zeros((512, 512, 2), np.float32)
    flow[~face] = np.nan  # is not looked at
    motion = RigidMotion(portrait_landmarks, face)
    assert (motion.fit(flow) == 0).all()
    flow[::7] = np.inf
    with pytest.raises(InputError, match="not finite"):
        motion.fit(flow)


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
    """Of most of the face the flow is not known; what stands there is no motion."""
    flow, valid = mesh_label(portrait_landmarks, portrait_landmarks + np.float32([10, 0]), SHAPE)
    valid[:, : int(portrait_landmarks[454, 0]) - 20] = False
    flow[~valid] = (-50, 0)
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
