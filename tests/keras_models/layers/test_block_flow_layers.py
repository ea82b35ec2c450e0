import numpy as np
import tensorflow as tf

from keras_models.layers.block_flow_layers import FinerFlow, PartsToPlaces, SplitBlocks


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_parts_row_by_row():
    """Channel 4 c + 2 y + x of a place is value c of its part (x, y)."""
    parts = random(2, 3, 5, 12)
    found = PartsToPlaces(1)(parts)
    assert found.shape == (2, 6, 10, 3)
    for value in range(3):
        for y in range(2):
            for x in range(2):
                np.testing.assert_array_equal(found[:, y::2, x::2, value], parts[..., 4 * value + 2 * y + x])


def test_four_blocks_are_one_block_after_the_other():
    parts = random(2, 3, 5, 32)
    np.testing.assert_array_equal(PartsToPlaces(4)(parts), PartsToPlaces(1)(SplitBlocks()(parts)))


def test_finer_flow_is_twice_the_bilinear_one():
    parts = random(2, 3, 5, 8)
    coarse = PartsToPlaces(1)(parts)
    expected = 2 * tf.image.resize(coarse, (12, 20))
    np.testing.assert_allclose(PartsToPlaces(4)(FinerFlow()(parts)), expected, atol=1e-5)
