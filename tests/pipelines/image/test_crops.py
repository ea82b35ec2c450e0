import numpy as np
import pytest

from pipelines.image.crops import Crop, crop_around, whole_frame
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels.mesh import mesh_label


def test_flow_is_scaled_by_the_crop_not_by_the_frame():
    """Defect 1 of the paper's code: labels scaled by output/frame are too small by crop/frame."""
    flow = np.full((400, 600, 2), (6.0, -3.0), np.float32)
    crop = Crop(left=100, top=50, side=200, size=100)
    moved, valid = crop.flow(flow, np.ones((400, 600), bool))
    assert valid.all()
    np.testing.assert_allclose(moved, np.broadcast_to([3.0, -1.5], moved.shape))


@pytest.mark.parametrize("side", [150, 256, 401])
def test_cropping_landmarks_equals_cropping_the_label(portrait_landmarks, side):
    """The label of moved landmarks is the moved label: two ways to the same crop."""
    crop = Crop(left=150, top=60, side=side, size=256)
    landmarks2 = portrait_landmarks * 1.01 + [2, -3]
    flow, valid = mesh_label(portrait_landmarks, landmarks2, (512, 512))
    cut, cut_valid = crop.flow(flow, valid)
    direct, direct_valid = mesh_label(crop.points(portrait_landmarks), crop.points(landmarks2), (256, 256))
    both = cut_valid & direct_valid
    assert both.sum() > 1000
    assert np.abs(cut - direct)[both].max() < 0.02


@pytest.mark.parametrize("side", [64, 100, 300])
def test_a_flow_and_back(side):
    """A smooth flow survives the way into a crop and back, within what the resizing blurs."""
    x, y = np.moveaxis(pixel_grid((200, 240)), -1, 0)
    flow = np.stack([np.sin(y / 40), np.cos(x / 50)], axis=-1).astype(np.float32) * 3
    crop = Crop(left=-20, top=30, side=side, size=128)
    back, known = crop.flow_back(*crop.flow(flow, np.ones((200, 240), bool)), (200, 240))
    assert not known[:30].any()
    assert known.sum() > 0.8 * (min(200, 30 + side) - 30) * min(240, side - 20)
    assert np.abs(back - flow)[known].max() < 0.1
    assert (back[~known] * (x[~known] > side - 20)[:, None] == 0).all()


def test_points_and_pixels_agree():
    """A picture of its own x and y: after the crop, the value at a moved point is the point's old place."""
    frame = pixel_grid((200, 300))
    frame = np.dstack([frame, frame[..., :1]])
    crop = Crop(left=37, top=21, side=90, size=128)
    points = np.array([[50.0, 40.0], [80.25, 90.5], [120.0, 60.0]], np.float32)
    found = sample(crop.picture(frame), crop.points(points)[None], interpolation=1)[0, :, :2]
    np.testing.assert_allclose(found, points, atol=0.05)


def test_outside_of_the_frame_is_not_valid_and_keeps_the_border():
    frame = np.full((10, 10, 3), 200, np.uint8)
    crop = Crop(left=-5, top=-5, side=20, size=20)
    assert (crop.picture(frame) == 200).all()
    flow, valid = crop.flow(np.ones((10, 10, 2), np.float32), np.ones((10, 10), bool))
    expected = np.zeros((20, 20), bool)
    expected[5:15, 5:15] = True
    np.testing.assert_array_equal(valid, expected)
    assert (flow == 1).all()


def test_crop_holds_the_points():
    points = np.random.default_rng(0).uniform(20, 180, (50, 2))
    crop = crop_around(points, 64, margin=0.1)
    moved = crop.points(points)
    assert moved.min() > 0
    assert moved.max() < 63
    longer = np.ptp(points, axis=0).max()
    assert crop.side == int(np.ceil(longer * 1.2))


def test_whole_frame():
    crop = whole_frame((100, 160), 80)
    assert (crop.left, crop.top, crop.side) == (0, -30, 160)


def test_points_in_whole_pixels():
    crop = Crop(10, 20, 181, 256)
    points = np.array([[20, 30], [100, 90]])
    np.testing.assert_allclose(crop.points(points), crop.points(points.astype(float)))
