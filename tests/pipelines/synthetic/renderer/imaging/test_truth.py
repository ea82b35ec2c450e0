"""The truth that comes with a rendered pair, held against analytic motion and against the pictures."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.synthetic.renderer.appearance.materials import Material, Surface
from pipelines.synthetic.renderer.imaging.camera import Camera, Pose
from pipelines.synthetic.renderer.imaging.light import Light
from pipelines.synthetic.renderer.imaging.raster import rasterise
from pipelines.synthetic.renderer.imaging.truth import ground_truth_motion
from pipelines.synthetic.renderer.person import FACE_POINTS
from pipelines.synthetic.renderer.rendered_pair import render_scene_pair

STILL = np.zeros((2, 3))
EVEN_LIGHT = Light(
    np.zeros(3), np.array([0, 0, -1.0]), np.zeros(3), np.array([0, 0, -1.0]), np.ones(3), np.ones(3), 0
)


def moved(shot, **changes):
    """The shot's first frame and, as frame 2, the same with changes."""
    first = shot.scenes[0]
    return replace(shot, scenes=(first, replace(first, **changes)), ground=STILL)


def grid(shape):
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([x, y], axis=-1)


def skin_of(frame):
    """Pixels whose centre shows the skin of the face or the neck."""
    fragments = frame.rasterise(1)
    material = frame.actor.person.surface.material[fragments.triangle]
    return (fragments.triangle >= 0) & np.isin(material, (Material.SKIN, Material.TORSO)), fragments


def test_no_motion_is_exactly_zero(shot):
    pair = render_scene_pair(moved(shot(0)), None, "still", {})
    assert not pair.flow.any()
    assert not pair.head.any()
    assert not pair.occluded.any()
    np.testing.assert_array_equal(pair.frame1, pair.frame2)
    np.testing.assert_array_equal(pair.landmarks1, pair.landmarks2)


def test_shifted_picture_is_constant_flow(shot):
    still = shot(1)
    centre = still.scenes[0].camera.centre
    camera = Camera(still.scenes[0].camera.focal, (centre[0] + 3.0, centre[1] - 1.5))
    pair = render_scene_pair(moved(still, camera=camera), None, "shift", {})
    person = still.scenes[0].rasterise(1).triangle >= 0
    np.testing.assert_allclose(
        pair.flow[person], np.broadcast_to([3.0, -1.5], pair.flow[person].shape), atol=1e-4
    )
    np.testing.assert_allclose(pair.landmarks2 - pair.landmarks1, np.full((478, 2), [3.0, -1.5]), atol=1e-4)


def test_translation_parallel_to_the_picture(shot):
    """Flow of a translation T at depth Z is f T / Z (Longuet-Higgins and Prazdny 1980)."""
    still = shot(2)
    first = still.scenes[0]
    step = np.array([0.4, -0.25, 0.0])

    def shifted(pose):
        return Pose(pose.angles, pose.position + step, pose.pivot)

    pair = render_scene_pair(
        moved(still, head=shifted(first.head), torso=shifted(first.torso)), None, "x", {}
    )
    fragments = first.rasterise(1)
    person = fragments.triangle >= 0
    expected = first.camera.focal * step[:2] * fragments.inverse_depth[person][:, None]
    np.testing.assert_allclose(pair.flow[person], expected, atol=1e-3)
    np.testing.assert_array_equal(pair.flow, pair.head)
    assert not pair.flow[~person].any()


def test_head_and_expression_add_up(shot):
    """With the expression unchanged the head's motion is all of it; with the head still, there is none."""
    pair = shot(3, "expression")
    second = pair.scenes[1]
    only_head = render_scene_pair(moved(pair, head=second.head, torso=second.torso), None, "head", {})
    np.testing.assert_array_equal(only_head.flow, only_head.head)
    only_face = render_scene_pair(moved(pair, state=second.state), None, "face", {})
    assert not only_face.head.any()
    assert np.abs(only_face.flow).max() > 0.5


@pytest.mark.parametrize("k", range(4, 10))
def test_second_frame_warped_back_is_the_first(shot, sample, k):
    """Under even light a point of the skin keeps its colour, so that the flow alone explains the picture."""
    drawn = shot(k)
    first, second = (replace(frame, light=EVEN_LIGHT) for frame in drawn.scenes)
    pair = render_scene_pair(replace(drawn, scenes=(first, second)), None, "warp", {})
    back = sample(pair.frame2, grid(pair.valid.shape) + pair.flow)
    visible = skin_of(first)[0] & ~pair.occluded
    assert np.abs(back - pair.frame1)[visible].mean() < 2.0


@pytest.mark.parametrize("k", range(4, 10))
def test_forward_and_backward_agree(shot, sample, k):
    drawn = shot(k)
    first, second = drawn.scenes
    forward = render_scene_pair(drawn, None, "forward", {})
    forth = np.eye(3)
    forth[:2] += drawn.ground
    ground = np.linalg.inv(forth)[:2] - np.eye(3)[:2]
    backward = render_scene_pair(replace(drawn, scenes=(second, first), ground=ground), None, "backward", {})
    target = grid(forward.valid.shape) + forward.flow
    seen_both = (sample(backward.occluded, target) < 0.01) & ~forward.occluded
    sum_of_both = np.linalg.norm(forward.flow + sample(backward.flow, target), axis=-1)
    assert sum_of_both[seen_both & skin_of(first)[0]].mean() < 0.05


@pytest.mark.parametrize("k", range(4, 10))
def test_flow_at_a_landmark_is_the_landmarks_motion(shot, sample, k):
    """At landmarks that the picture shows."""
    drawn = shot(k)
    first = drawn.scenes[0]
    pair = render_scene_pair(drawn, None, "landmarks", {})
    skin, fragments = skin_of(first)
    depth = first.vertices[:FACE_POINTS, 2]
    at = pair.landmarks1[:FACE_POINTS]
    # A landmark that the surface hides, or that lies on its edge, has no flow of its own in the picture.
    surface = sample(np.where(skin, 1 / np.maximum(fragments.inverse_depth, 1e-3), 1e3), at[None])[0]
    visible = np.abs(surface - depth) < 0.3
    assert visible.sum() > 200
    flow = sample(pair.flow, at[None])[0]
    error = np.linalg.norm(flow - (pair.landmarks2 - pair.landmarks1)[:FACE_POINTS], axis=1)[visible]
    assert error.mean() < 0.05


def test_occlusion_of_a_plate_behind_a_plate():
    """Two squares: the near one moves by two pixels and hides a strip of two columns of the far one."""

    def square(left, right, z, size=16.0):
        corners = [(left, 1.5), (right, 1.5), (left, 13.5), (right, 13.5)]
        return np.array([((x - 7.5) * z / size, (y - 7.5) * z / size, z) for x, y in corners])

    triangles = np.array([(0, 1, 2), (1, 3, 2), (4, 5, 6), (5, 7, 6)], np.int32)
    opaque = np.zeros(4, bool)
    surface = Surface(
        triangles, np.zeros(4, np.uint8), opaque, np.zeros((8, 2), np.float32), np.ones((8, 3), np.float32)
    )
    strands = np.zeros((2, 2), np.float32)
    camera = Camera(16.0, (7.5, 7.5))
    first = np.concatenate([square(1.5, 14.5, 10.0), square(3.5, 6.5, 8.0)])
    second = np.concatenate([square(1.5, 14.5, 10.0), square(5.5, 8.5, 8.0)])

    def fragments_of(vertices, samples):
        depths = vertices[:, 2].copy()
        return rasterise(
            camera.project(vertices), depths, triangles, opaque, surface.cover, strands, (16, 16), samples
        )

    shapes = (first, second, first)
    truth = ground_truth_motion(
        fragments_of(first, 1), surface, strands, shapes, (camera, camera), STILL, fragments_of(second, 2), 2
    )
    expected = np.zeros((16, 16), bool)
    expected[2:14, 7:9] = True
    np.testing.assert_array_equal(truth.occluded, expected)
    plate = fragments_of(first, 1).triangle >= 2
    np.testing.assert_allclose(truth.flow[plate], np.broadcast_to([2.0, 0.0], (plate.sum(), 2)), atol=1e-5)


def test_background_moves_on_its_own(shot):
    still = shot(1)
    ground = np.array([[0.01, 0, 2.0], [0, 0.01, -1.0]])
    pair = render_scene_pair(
        SimpleNamespace(scenes=still.scenes, kind="x", ground=ground), None, "ground", {}
    )
    outside = still.scenes[0].rasterise(1).triangle < 0
    x, y = np.moveaxis(grid(pair.valid.shape), -1, 0)
    np.testing.assert_allclose(pair.flow[..., 0][outside], (0.01 * x + 2)[outside], atol=1e-4)
    np.testing.assert_allclose(pair.flow[..., 1][outside], (0.01 * y - 1)[outside], atol=1e-4)
