from dataclasses import replace

import numpy as np
import pytest

from pipelines.clip_analysis.tracking.rigid_motion import RigidMotion
from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import mesh_label
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
