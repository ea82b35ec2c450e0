from dataclasses import fields, replace

import numpy as np
import pytest

from pipelines.image.bicubic import warp_back_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.synthetic.renderer import render_pair
from pipelines.training_data.augmentation import (
    Geometry,
    photometric_augmentation,
    random_geometry,
    warp_back_approximately,
)
from pipelines.training_data.augmentation_config import Augmentation

_IDENTITY = {"scale": 1.0, "gamma": 1.0, "elastic_knots": 8}
NONE = Augmentation(**{field.name: _IDENTITY.get(field.name, 0.0) for field in fields(Augmentation)})
MIDDLE = np.array([47.5, 47.5])


def rng(seed=0):
    return np.random.default_rng(seed)


def waves(points):
    """A smooth picture, at any points: float32 [..., 3]."""
    x, y = points[..., 0], points[..., 1]
    return np.stack(
        [
            127 + 60 * np.sin(0.21 * x + 0.1 * y),
            127 + 60 * np.cos(0.17 * y),
            127 + 40 * np.sin(0.13 * (x - y)),
        ],
        -1,
    ).astype(np.float32)


def constant(flow, shape=(96, 96)):
    return np.broadcast_to(np.float32(flow), (*shape, 2)).copy(), np.ones(shape, bool)


def test_no_change_is_a_crop():
    geometry = random_geometry(rng(), NONE, MIDDLE, 1.0, 64)
    picture = waves(pixel_grid((96, 96)))
    np.testing.assert_allclose(geometry.picture1(picture), picture[16:80, 16:80], atol=1e-3)
    np.testing.assert_allclose(geometry.picture2(picture), picture[16:80, 16:80], atol=1e-3)
    flow, valid = geometry.flow(*constant((1.5, -2)))
    np.testing.assert_allclose(flow, np.broadcast_to([1.5, -2], flow.shape), atol=1e-5)
    assert valid.all()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # A turn by a quarter in a picture whose y goes down: x becomes y, and y becomes -x.
        (np.array([[0, -1], [1, 0]]), (2, 3)),
        (np.diag([-1, 1]), (-3, -2)),  # mirrored
        (np.diag([1.5, 1.5]), (4.5, -3)),  # enlarged
    ],
)
def test_both_frames_turned_mirrored_enlarged(change, expected):
    """A flow of (3, -2) everywhere, in the crop's own axes."""
    whole = np.column_stack([change, 32 - change @ MIDDLE]).astype(float)
    geometry = Geometry(whole, whole, np.zeros((64, 64, 2), np.float32))
    flow, valid = geometry.flow(*constant((3, -2)))
    np.testing.assert_allclose(flow, np.broadcast_to(expected, flow.shape), atol=1e-4)
    assert valid.mean() > 0.8


def test_a_shift_of_frame_2_adds_to_the_flow():
    first = np.array([[1.0, 0, -16], [0, 1, -16]])
    second = first + [[0, 0, 0.75], [0, 0, -0.25]]
    flow, _ = Geometry(first, second, np.zeros((64, 64, 2), np.float32)).flow(*constant((1, 1)))
    np.testing.assert_allclose(flow, np.broadcast_to([1.75, 0.75], flow.shape), atol=1e-5)


def test_a_turn_of_frame_2_is_a_rotational_flow():
    """Frame 2 turned by a about the crop's centre c: p goes to c + R (p - c)."""
    first = np.array([[1.0, 0, -16], [0, 1, -16]])
    angle, centre = np.deg2rad(3), np.full(2, 31.5)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    second = np.column_stack([turn, turn @ [-16, -16] + centre - turn @ centre])
    flow, _ = Geometry(first, second, np.zeros((64, 64, 2), np.float32)).flow(*constant((0, 0)))
    grid = pixel_grid((64, 64))
    np.testing.assert_allclose(flow, (grid - centre) @ turn.T + centre - grid, atol=1e-4)


def test_a_bend_is_undone_where_the_flow_ends():
    """What appears at y was at y + d(y): the flow of a still pair ends where that is p."""
    augmentation = replace(NONE, relative_probability=1.0, elastic_amplitude=3.0)
    geometry = random_geometry(rng(3), augmentation, MIDDLE, 1.0, 64)
    assert 0.25 < np.hypot(*geometry.deformation.T).max() <= 3.001
    flow, _ = geometry.flow(*constant((0, 0)))
    grid = pixel_grid((64, 64))
    end = grid + flow
    inside = ((end > 1) & (end < 62)).all(axis=-1)
    np.testing.assert_allclose((end + sample(geometry.deformation, end, 1))[inside], grid[inside], atol=0.02)


def test_more_knots_strain_more_at_the_same_amplitude():
    def strain(knots):
        augmentation = replace(
            NONE, relative_probability=1.0, elastic_amplitude=3.0, elastic_knots=knots
        )  # fmt: skip
        drawn = (random_geometry(rng(seed), augmentation, MIDDLE, 1.0, 64) for seed in range(30))
        return np.mean([np.abs(np.diff(each.deformation, axis=0)).mean() for each in drawn])

    assert strain(4) < strain(8) < strain(14)


@pytest.mark.parametrize("seed", range(8))
def test_frames_flow_and_landmarks_change_together(seed):
    """Frame 2 of an analytic pair, read where the changed flow leads, shows what frame 1 shows."""
    moved = np.float32([1.3, -0.8])
    grid = pixel_grid((96, 96))
    frame1, frame2 = waves(grid), waves(grid - moved)
    geometry = random_geometry(rng(seed), Augmentation(scale=1.2), MIDDLE, 1.0, 64)
    flow, valid = geometry.flow(*constant(moved))
    end = pixel_grid((64, 64)) + flow
    valid &= ((end > 3) & (end < 60)).all(axis=-1)
    # Reading between pixels of a picture that is read between pixels: the border of the frames goes on flat.
    start = geometry.points1(grid)
    inner = np.zeros((64, 64), bool)
    columns, rows = np.round(start[4:-4, 4:-4]).astype(int).reshape(-1, 2).T
    kept = (columns >= 0) & (columns < 64) & (rows >= 0) & (rows < 64)
    inner[rows[kept], columns[kept]] = True
    seen = valid & inner
    assert seen.sum() > 500
    difference = sample(geometry.picture2(frame2), end) - geometry.picture1(frame1)
    assert np.abs(difference[seen]).mean() < 0.4

    points = np.float32([[40, 40], [52, 61], [30, 50]])
    np.testing.assert_allclose(
        geometry.points2(points + moved) - geometry.points1(points),
        sample(flow, geometry.points1(points)[None])[0],
        atol=0.05,
    )


def test_flow_is_unknown_where_the_inverse_is_not_found():
    """The iteration converges for slopes of the deformation to 1: for 0.5 everywhere, for 1.5 nowhere."""
    shift = np.array([[1.0, 0, -16], [0, 1, -16]])
    for slope, share in ((0.5, 1.0), (1.5, 0.0)):
        deformation = (slope * (pixel_grid((64, 64)) - 31.6)).astype(np.float32)
        flow, known = Geometry(shift, shift, deformation).flow(*constant((0, 0)))
        assert known.mean() == share
        if share:  # q = y + slope (y - 31.6)
            expected = (pixel_grid((64, 64)) + slope * 31.6) / (1 + slope) - pixel_grid((64, 64))
            np.testing.assert_allclose(flow, expected, atol=0.03)


def test_what_was_not_known_stays_unknown():
    flow, valid = constant((0, 0))
    valid[40:50] = False
    known = random_geometry(rng(), NONE, MIDDLE, 1.0, 64).flow(flow, valid)[1]
    assert not known[24:34].any()
    assert known[:23].all()
    assert known[35:].all()


def test_outside_of_the_frame_nothing_is_known():
    known = random_geometry(rng(), NONE, MIDDLE, 0.5, 64).flow(*constant((0, 0)))[1]
    assert known[9:55, 9:55].all()
    assert not known[:7].any()


def test_the_same_seed_gives_the_same_change():
    first, second, third = (random_geometry(rng(k), Augmentation(), MIDDLE, 1.0, 64) for k in (1, 1, 2))
    np.testing.assert_array_equal(first.map2, second.map2)
    np.testing.assert_array_equal(first.deformation, second.deformation)
    assert not np.array_equal(first.map1, third.map1)


def test_light_without_change_is_the_picture():
    picture = waves(pixel_grid((32, 32))).astype(np.uint8)
    for changed in photometric_augmentation(rng(), NONE, picture, picture):
        np.testing.assert_array_equal(changed, picture)


def test_frames_share_their_light_without_asymmetry():
    picture = waves(pixel_grid((32, 32))).astype(np.uint8)
    augmentation = replace(Augmentation(), asymmetry=0.0, noise=0.0)
    changed = [photometric_augmentation(rng(k), augmentation, picture, picture) for k in range(4)]
    for first, second in changed:
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(changed[0][0], changed[1][0])


def test_noise_has_the_strength_that_was_drawn():
    grey = np.full((128, 128, 3), 100, np.uint8)
    augmentation = replace(NONE, noise=0.04)
    spreads = [np.std(photometric_augmentation(rng(k), augmentation, grey, grey)[0]) for k in range(40)]
    assert max(spreads) < 0.042 * 255
    assert max(spreads) > 0.03 * 255
    # Independent in both frames.
    first, second = photometric_augmentation(rng(int(np.argmax(spreads))), augmentation, grey, grey)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("seed", range(4))  # affine and smooth starts
def test_an_affine_motion_is_undone_by_a_start_without_error(seed):
    grid = pixel_grid((64, 64))
    flow = (grid - 31.5) @ np.float32([[0.02, 0.01], [-0.01, 0.02]]) + np.float32([3, -2])
    frame2 = np.clip(waves(grid), 0, 255).astype(np.uint8)
    start = replace(NONE, residual_error=0.0)
    warped, left, valid = warp_back_approximately(
        rng(seed), start, frame2, flow, *[np.ones((64, 64), bool)] * 2
    )
    inside = np.s_[20:44, 20:44]
    assert valid[inside].all()
    np.testing.assert_allclose(left[inside], 0, atol=0.02)
    np.testing.assert_allclose(warped[inside], waves(grid + flow)[inside], atol=1.5)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_leads_to_where_the_whole_flow_leads(seed):
    """Sampling frame 2 at once gives what the remaining flow finds in the warped frame 2."""
    pair = render_pair(5, 40 + 4 * seed, 128)
    start = replace(NONE, residual_error=1.0)
    known = pair.frame2, pair.flow, pair.valid, pair.face
    warped, left, valid = warp_back_approximately(rng(seed), start, *known)
    seen = pair.face & valid & ~pair.occluded
    assert seen.sum() > 0.95 * (pair.face & ~pair.occluded).sum()
    once = warp_back_bicubic(pair.frame2.astype(np.float32), pair.flow)[seen]
    twice = warp_back_bicubic(warped.astype(np.float32), left)[seen]
    # What differs is resampled twice, and rounded.
    reverse = warp_back_bicubic(warped.astype(np.float32), -left)[seen]
    assert np.abs(twice - once).mean() < 0.4 * np.abs(reverse - once).mean()
    # The start follows large motion, and is off by an error that is left.
    assert 0.01 < np.linalg.norm(left[seen], axis=-1).mean() < 1
