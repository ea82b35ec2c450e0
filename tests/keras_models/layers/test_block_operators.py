"""The fast operators against the readable ones, and `smooth` against TensorFlow's pooling."""

import numpy as np
import pytest
import tensorflow as tf

from keras_models.layers import block_operators as fast
from keras_models.layers import block_operators_reference as reference

RANDOM = np.random.default_rng(1)
FRAME = RANDOM.normal(size=(2, 32, 48, 1)).astype(np.float32)


@pytest.mark.parametrize("factor", [2, 4])
def test_shrink(factor):
    np.testing.assert_allclose(fast.shrink(FRAME, factor), reference.shrink(FRAME, factor), atol=1e-6)


def test_block_means():
    blocks = tf.nn.space_to_depth(FRAME, 4)
    np.testing.assert_allclose(fast.block_means(blocks), reference.block_means(blocks), atol=1e-6)


def test_pixels_and_gradient():
    expected = reference.pixels_and_gradient(FRAME)
    np.testing.assert_allclose(fast.pixels_and_gradient(FRAME), expected, atol=1e-6)


def test_warp_blocks():
    """Also where the flow leads out of the frame."""
    flow = RANDOM.normal(0, 6, (2, 16, 24, 2)).astype(np.float32)
    warped = fast.warp_blocks(fast.bilinear_table(FRAME), flow)
    np.testing.assert_allclose(warped, reference.warp_blocks(FRAME, flow), atol=1e-4)


def test_the_reference_gradient_of_a_plane():
    """The reference itself, on a frame whose derivatives are known: 2 along x and -3 along y."""
    y, x = np.mgrid[:8, :12].astype(np.float32)
    pixels, along_x, along_y = tf.split(
        reference.pixels_and_gradient((2 * x - 3 * y)[None, ..., None]), 3, -1
    )
    inside = tf.nn.depth_to_space(along_x, 4)[0, 1:-1, 1:-1], tf.nn.depth_to_space(along_y, 4)[0, 1:-1, 1:-1]
    np.testing.assert_allclose(inside[0], 2, atol=1e-6)
    np.testing.assert_allclose(inside[1], -3, atol=1e-6)
    np.testing.assert_array_equal(tf.nn.depth_to_space(pixels, 4)[0, ..., 0], 2 * x - 3 * y)


@pytest.mark.parametrize("size", [(9, 12), (2, 1)])
@pytest.mark.parametrize("window", [3, 7])
def test_smooth_is_the_mean_of_what_is_there(window, size):
    values = RANDOM.normal(size=(2, *size, 3)).astype(np.float32)
    for y in range(size[0]):
        for x in range(size[1]):
            reach = window // 2
            around = values[:, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            expected = around.mean((1, 2))
            np.testing.assert_allclose(fast.smooth(values, window)[:, y, x], expected, atol=1e-5)
