import cv2
import numpy as np
import scipy.ndimage

from pipelines.image.warping import invert_flow, pixel_grid, sample, warp_back


def waves(shape, amplitude=3.0):
    x, y = np.moveaxis(pixel_grid(shape), -1, 0)
    return (amplitude * np.stack([np.sin(y / 9), np.cos(x / 11)], axis=-1)).astype(np.float32)


def test_sample_equals_scipy():
    image = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    points = np.random.default_rng(1).uniform(1, 28, (5, 6, 2)).astype(np.float32)
    points = np.round(points * 32) / 32  # OpenCV's own steps
    ours = sample(image, points, cv2.INTER_LINEAR)
    theirs = scipy.ndimage.map_coordinates(image, [points[..., 1], points[..., 0]], order=1)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_warp_back_by_whole_pixels():
    frame1 = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    frame2 = np.roll(frame1, (2, 5), axis=(0, 1))  # 5 to the right, 2 down
    flow = np.full((20, 30, 2), (5, 2), np.float32)
    np.testing.assert_array_equal(warp_back(frame2, flow)[:-2, :-5], frame1[:-2, :-5])


def test_inverse_of_a_flow():
    """Going there and back ends where it began: p + f(p) + g(p + f(p)) = p."""
    flow = waves((64, 96))
    inverse = invert_flow(flow)
    there = pixel_grid((64, 96)) + flow
    back = sample(inverse, there, cv2.INTER_LINEAR) + flow
    assert np.abs(back[8:-8, 8:-8]).max() < 0.05  # bilinear steps of 1/32 px between samples


def test_inverse_of_a_constant_is_exact():
    flow = np.full((10, 10, 2), (1.25, -3.5), np.float32)
    np.testing.assert_array_equal(invert_flow(flow), -flow)
