from dataclasses import replace

import numpy as np
import pytest

from pipelines.clip_analysis.tracking.head_pose import eye_openings, head_pose
from pipelines.synthetic.renderer.clip_script import draw_clip
from pipelines.synthetic.renderer.geometry.facial_expression import expression
from pipelines.synthetic.renderer.imaging.camera import Pose


@pytest.fixture(scope="module")
def frame():
    return draw_clip(2, 0, kind="micro", frames=12, size=256).at(0)


def turned(frame, angles):
    return replace(frame, head=Pose(angles, frame.head.position, frame.head.pivot))


@pytest.mark.parametrize("angles", [(12.0, 0.0, 0.0), (0.0, 10.0, 0.0), (0.0, 0.0, 15.0), (-8.0, -6.0, 5.0)])
def test_changes_of_the_pose(frame, angles):
    """The change from the upright head, against the pose that the renderer was given."""
    rest = head_pose(turned(frame, (0.0, 0.0, 0.0)).landmarks)
    pose = head_pose(turned(frame, angles).landmarks)
    change = (pose.yaw - rest.yaw, pose.pitch - rest.pitch, pose.roll - rest.roll)
    # As the docstring has it: to a third, and what does not turn is still.
    np.testing.assert_allclose(change, angles, rtol=0.35, atol=2.0)


@pytest.mark.parametrize("tilt", [-150, -80, 40, 90])
def test_a_tilt_changes_neither_turn_nor_nod(frame, tilt):
    """A picture that is turned in its plane shows the same head."""
    landmarks = turned(frame, (22.0, 9.0, 0.0)).landmarks
    cosine, sine = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
    upright, tilted = head_pose(landmarks), head_pose(landmarks @ np.array([[cosine, sine], [-sine, cosine]]))
    assert tilted.yaw == pytest.approx(upright.yaw, abs=0.01)
    assert tilted.pitch == pytest.approx(upright.pitch, abs=0.01)
    assert tilted.roll - upright.roll == pytest.approx(tilt, abs=0.01)


def test_scale_is_that_of_the_camera(frame):
    pose = head_pose(turned(frame, (0.0, 0.0, 0.0)).landmarks)
    assert pose.scale == pytest.approx(frame.camera.focal / frame.head.position[2], rel=0.12)


def test_eyes_close_one_by_one(frame):
    openings = [
        eye_openings(replace(frame, state=expression(**units)).landmarks)
        for units in ({}, {"AU43": 1.0}, {"AU43R": 1.0})
    ]
    assert (openings[1] < 0.4 * openings[0]).all()
    assert openings[2][0] < 0.4 * openings[0][0]
    assert openings[2][1] == pytest.approx(openings[0][1], rel=0.05)
