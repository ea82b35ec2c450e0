import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_models.layers.frame_blocks import BlockContrast, FrameBlocks, HalveBlocks, to_pixels


def frames(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def test_blocks_of_the_grey_frame():
    frame = frames(2, 24, 40, 3)
    grey = tf.image.rgb_to_grayscale(frame)
    np.testing.assert_allclose(FrameBlocks(8)(frame), tf.nn.space_to_depth(grey, 4), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (17, 30)])
def test_border_is_replicated(shape):
    frame = frames(1, *shape, 3)
    pixels = to_pixels(FrameBlocks(8)(frame))
    missing = [-n % 8 for n in shape]
    around = [(n // 2, n - n // 2) for n in missing]
    expected = np.pad(np.asarray(tf.image.rgb_to_grayscale(frame)), [(0, 0), *around, (0, 0)], "edge")
    np.testing.assert_allclose(pixels, expected, atol=1e-6)


def test_contrast_is_that_of_local_statistics():
    """Mean and variance over 3 x 3 blocks, by SciPy; their interpolation by SciPy as well."""
    frame = frames(32, 32)
    blocks = tf.nn.space_to_depth(frame[None, ..., None], 4)
    mean, square = (
        ndimage.uniform_filter(values.reshape(8, 4, 8, 4).mean((1, 3)).astype(np.float64), 3)
        for values in (frame, frame**2)
    )
    scale = 1 / np.sqrt(square - mean**2 + 1e-3)
    inner = slice(8, 24)  # where no window leaves the frame
    where = (np.mgrid[inner, inner] - 1.5) / 4
    mean, scale = (ndimage.map_coordinates(values, where, order=1) for values in (mean, scale))
    expected = (frame[inner, inner] - mean) * scale
    found = to_pixels(BlockContrast()(blocks))[0, inner, inner, 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_uniform_frames_become_zero():
    assert not np.any(BlockContrast()(np.full((1, 4, 4, 16), 0.5, np.float32)))


def test_half_size():
    frame = frames(2, 16, 24, 1)
    halved = tf.nn.avg_pool2d(frame, 2, 2, "VALID")
    found = HalveBlocks()(tf.nn.space_to_depth(frame, 4))
    np.testing.assert_allclose(to_pixels(found), halved, atol=1e-6)
