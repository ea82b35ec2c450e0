import numpy as np
import pytest

from pipelines.clip_analysis.tracking.rigid_motion import RigidMotion
from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import mesh_label
from pipelines.landmarks.face_mesh import face_mask
from pipelines.synthetic.renderer.clip_script import draw_clip


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


def test_an_expression_is_no_part_of_it(portrait_landmarks, portrait):
    """The mouth and both cheeks move by 4 px: the affine motion is found all the same, by hand."""
    shape = portrait.shape[:2]
    head = RigidMotion(portrait_landmarks, face_mask(portrait_landmarks, shape))
    grid = pixel_grid(shape)
    affine = np.array([[0.01, -0.02], [0.03, 0.01], [1.5, -2.5]])
    true = (grid @ affine[:2] + affine[2]).astype(np.float32)
    flow = true.copy()
    flow[grid[..., 1] > portrait_landmarks[2, 1]] += np.float32([0, -4])
    found = head.flow(head.fit(flow))
    face = face_mask(portrait_landmarks, shape)
    assert np.linalg.norm(found - true, axis=-1)[face].max() < 0.05


def test_landmarks_without_irises_are_refused(portrait_landmarks):
    with pytest.raises(InputError, match=r"\(478, 2\), not \(468, 2\)"):
        RigidMotion(portrait_landmarks[:468], face_mask(portrait_landmarks, (512, 512)))
