import numpy as np
import pytest

from pipelines.image.bicubic import sample_bicubic, warp_back_bicubic
from pipelines.image.warping import pixel_grid


def test_quadratic_pictures_are_exact():
    """Keys' weights reproduce polynomials of degree two, at positions that no grid of 1/32 px holds."""
    x, y = np.moveaxis(pixel_grid((30, 40)), -1, 0)
    picture = np.stack([x * x / 10 - y, x * y / 7 + 3, np.full_like(x, 9)], axis=-1)
    points = np.random.default_rng(0).uniform(3, 26, (50, 1, 2)).astype(np.float32)
    u, v = points[..., 0], points[..., 1]
    truth = np.stack([u * u / 10 - v, u * v / 7 + 3, np.full_like(u, 9)], axis=-1)
    np.testing.assert_allclose(sample_bicubic(picture, points), truth, atol=2e-4)


def test_whole_positions_and_beyond_the_border():
    picture = np.random.default_rng(0).random((9, 11)).astype(np.float32)
    np.testing.assert_allclose(sample_bicubic(picture, pixel_grid((9, 11))), picture, atol=1e-6)
    outside = np.array([[[-5, -5], [99, 3], [4, 99]]], np.float32)
    np.testing.assert_allclose(
        sample_bicubic(picture, outside)[0], [picture[0, 0], picture[3, 10], picture[8, 4]], atol=1e-6
    )


@pytest.mark.parametrize("shift", [0.013, 0.37])
def test_warp_back_of_a_shifted_wave(shift):
    x, y = np.moveaxis(pixel_grid((32, 64)), -1, 0)
    frame1, frame2 = np.sin(x / 5) + np.cos(y / 6), np.sin((x - shift) / 5) + np.cos(y / 6)
    flow = np.zeros((32, 64, 2), np.float32)
    flow[..., 0] = shift
    np.testing.assert_allclose(warp_back_bicubic(frame2, flow)[4:-4, 4:-4], frame1[4:-4, 4:-4], atol=1e-3)
