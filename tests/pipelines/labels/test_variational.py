import numpy as np
import pytest
import scipy.ndimage

from pipelines.image.warping import pixel_grid
from pipelines.labels.variational import VariationalConfig, motion_tensor, refine_flow

SHAPE = (96, 128)


def waves(x, y):
    """A smooth coloured picture that can be read anywhere, [.., 3], 0 to 255."""
    bands = [np.sin(x / 3.1 + y / 7) + np.sin(y / 2.9), np.cos(x / 4.3) * np.sin(y / 5), np.sin((x - y) / 6)]
    return 128 + 45 * np.stack(bands, axis=-1)


def moved_waves(flow, gain=1.0, offset=0.0):
    """Frame 2 is made from frame 1, whose content at p stands at p + flow(p): inverted by plain iteration."""
    x, y = np.moveaxis(pixel_grid(SHAPE).astype(np.float64), -1, 0)
    u, v = x.copy(), y.copy()
    for _ in range(60):
        du, dv = flow(u, v)
        u, v = x - du, y - dv
    frames = waves(x, y), waves(u, v) * gain + offset
    truth = np.stack(np.broadcast_arrays(*flow(x, y)), axis=-1)
    return [np.clip(np.round(frame), 0, 255).astype(np.uint8) for frame in frames], truth


def smooth(x, y):
    return 1.3 + 0.8 * np.sin(y / 25), -0.7 + 0.9 * np.cos(x / 30)


def inner_error(flow, truth):
    return np.linalg.norm(flow - truth, axis=-1)[10:-10, 10:-10].mean()


def test_smooth_motion_from_a_wrong_start():
    frames, truth = moved_waves(smooth)
    start = truth.astype(np.float32) + np.float32([0.8, -0.6])
    assert inner_error(refine_flow(*frames, start), truth) < 0.03


def test_light_may_change():
    frames, truth = moved_waves(smooth, gain=0.85, offset=12)
    assert inner_error(refine_flow(*frames, np.zeros((*SHAPE, 2), np.float32)), truth) < 0.04


def test_a_jump_of_the_flow_stays_sharp():
    """Lips part: above a line everything moves up by 1.5 px, below it down. Pixels 4 px away know nothing."""
    frames, truth = moved_waves(lambda x, y: (0 * x, np.where(y < 48, -1.5, 1.5)))
    flow = refine_flow(*frames, np.zeros((*SHAPE, 2), np.float32))
    for rows in (np.s_[14:44], np.s_[53:82]):
        assert np.abs(flow - truth)[rows, 10:-10].mean() < 0.1


def test_strong_deformation_is_not_pulled_back():
    frames, truth = moved_waves(lambda x, y: (0.15 * (x - 64), -0.15 * (y - 48)))
    flow = refine_flow(*frames, np.zeros((*SHAPE, 2), np.float32), VariationalConfig(num_warps=(8, 4)))
    assert inner_error(flow, truth) < 0.08  # of 5.7 px on average


def test_blank_pictures_keep_the_start():
    blank = np.full((*SHAPE, 3), 128, np.uint8)
    start = np.full((*SHAPE, 2), (1.5, -2), np.float32)
    np.testing.assert_allclose(refine_flow(blank, blank, start), start, atol=1e-4)


def test_no_motion_is_zero():
    frames, _ = moved_waves(lambda x, y: (0 * x, 0 * y))
    flow = refine_flow(frames[0], frames[0], np.zeros((*SHAPE, 2), np.float32))
    assert np.abs(flow).max() < 1e-3


def test_the_motion_tensor_asks_for_the_missing_shift():
    """Lucas-Kanade by hand on a shifted picture: the summed system solves to the shift."""
    x, y = np.moveaxis(pixel_grid(SHAPE), -1, 0)
    frame1, frame2 = waves(x, y), waves(x - 0.2, y + 0.1)
    tensor = motion_tensor(frame1, frame2, np.zeros((*SHAPE, 2), np.float32))
    xx, xy, yy, xr, yr = tensor[8:-8, 8:-8].reshape(-1, 5).sum(axis=0)
    np.testing.assert_allclose(-np.linalg.solve([[xx, xy], [xy, yy]], [xr, yr]), [0.2, -0.1], atol=0.01)


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_averages_out(seed):
    frames, truth = moved_waves(smooth)
    rng = np.random.default_rng(seed)
    noisy = [np.clip(f + rng.normal(0, 5, f.shape), 0, 255).astype(np.uint8) for f in frames]
    start = scipy.ndimage.gaussian_filter(truth, (15, 15, 0)).astype(np.float32)
    assert inner_error(refine_flow(*noisy, start), truth) < 0.06
