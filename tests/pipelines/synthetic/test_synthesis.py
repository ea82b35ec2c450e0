import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.bicubic import warp_back_bicubic
from pipelines.image.warping import invert_flow, pixel_grid
from pipelines.labels.mesh import mesh_label
from pipelines.landmarks.face_mesh import face_mask
from pipelines.synthetic.synthesis import Disturbance, synthesise, transfer_motion


def residual(frame1, made):
    return np.abs(warp_back_bicubic(made.frame2.astype(np.float32), made.flow) - frame1).mean(axis=-1)


def smile(points, size=7.0):
    return size * sum(
        np.exp(-np.square(points - corner).sum(-1) / (2 * 20**2))[..., None] * [side, -0.6]
        for corner, side in (((195, 153), -1), ((248, 153), 1))
    )


def test_warping_back_gives_frame_1(portrait, portrait_landmarks):
    """From the landmarks of a smile: a label with creases, continued beyond the face."""
    moved = portrait_landmarks + smile(portrait_landmarks)
    flow, valid = mesh_label(portrait_landmarks, moved, portrait.shape[:2])
    made = synthesise(portrait, flow, valid)
    skin = face_mask(portrait_landmarks, portrait.shape[:2]) & ~made.occluded
    assert np.linalg.norm(made.flow[skin], axis=-1).max() > 4
    assert residual(portrait, made)[skin].mean() < 1.5
    np.testing.assert_array_equal(made.flow[valid], flow[valid])


def test_no_motion_and_whole_shifts_are_exact(portrait):
    still = synthesise(portrait, np.zeros((512, 512, 2), np.float32))
    np.testing.assert_array_equal(still.frame2, portrait)
    assert not still.occluded.any()
    shifted = synthesise(portrait, np.full((512, 512, 2), (5, 3), np.float32))
    np.testing.assert_array_equal(shifted.frame2[3:, 5:], portrait[:-3, :-5])
    assert shifted.occluded[-3:].all()
    assert not shifted.occluded[:-4, :-6].any()


def test_a_picture_that_is_known_everywhere():
    """Frame 2 by its formula: what stands at q was at q + g(q), g the inverse of the flow."""
    x, y = np.moveaxis(pixel_grid((120, 160)), -1, 0)

    def picture(x, y):
        return 128 + 50 * np.stack([np.sin(x / 6), np.cos(y / 7), np.sin((x + y) / 9)], axis=-1)

    flow = np.stack([2.3 * np.sin(y / 20), 1.7 * np.cos(x / 25)], axis=-1).astype(np.float32)
    back = invert_flow(flow)
    truth = picture(x + back[..., 0], y + back[..., 1])
    made = synthesise(np.round(picture(x, y)).astype(np.uint8), flow)
    assert np.abs(made.frame2 - truth)[8:-8, 8:-8].max() < 3
    assert np.abs(made.frame2 - truth)[8:-8, 8:-8].mean() < 0.6


def test_what_folds_under_is_occluded():
    """The left half moves 12 px over the right one: some columns lie on top of each other."""
    frame = np.random.default_rng(0).integers(0, 255, (40, 80, 3), np.uint8)
    flow = np.zeros((40, 80, 2), np.float32)
    flow[:, :40, 0] = 12
    made = synthesise(frame, flow)
    assert 8 <= made.occluded[20].sum() <= 16
    assert made.occluded[20, 26:54].sum() == made.occluded[20].sum()


def test_disturbance_changes_light_and_nothing_else(portrait):
    flow = np.full((512, 512, 2), 0.5, np.float32)
    plain = synthesise(portrait, flow).frame2.astype(float)
    strong = Disturbance(gain=0.1, offset=10, slope=0, noise=0)
    made = [synthesise(portrait, flow, disturbance=strong, seed=seed).frame2 for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[0].astype(float) - made[2]).mean() > 0.5
    middle = (plain > 30) & (plain < 220)
    gain, offset = np.polyfit(plain[middle], made[0][middle], 1)
    assert abs(gain - 1) <= 0.1
    assert abs(offset) <= 10
    assert np.abs(gain * plain + offset - made[0])[middle].max() < 1.1


def test_expression_carried_over(portrait_landmarks):
    """To a face twice as large that is turned by a right angle, the movement is twice as large and turned."""
    other = portrait_landmarks.astype(np.float64)
    movement = np.random.default_rng(0).normal(0, 2, other.shape)
    turn = np.array([[0.0, 2.0], [-2.0, 0.0]])
    face = other @ turn + [300, 900]
    found = transfer_motion(other, other + movement, face)
    np.testing.assert_allclose(found - face, movement @ turn, atol=1e-2)


def test_bad_input(portrait):
    with pytest.raises(InputError, match="same size"):
        synthesise(portrait, np.zeros((9, 9, 2), np.float32))
    with pytest.raises(InputError, match="finite"):
        synthesise(portrait, np.full((512, 512, 2), np.nan, np.float32))
