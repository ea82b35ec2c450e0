import numpy as np
import tensorflow as tf

from keras_models.layers.block_flow_layers import ExpectedFlow, FinerFlow, PartsToPlaces, SplitBlocks
from keras_models.layers.correlation import Correlation


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


def test_expected_flow_of_a_moved_frame():
    """Features of white noise that move by (3, -2) places: what stands out is the shift."""
    first = np.random.default_rng(0).normal(size=(1, 12, 12, 256)).astype(np.float32)
    first /= np.linalg.norm(first, axis=-1, keepdims=True) / 16  # as of `UnitFeatures`
    second = np.roll(first, (-2, 3), axis=(1, 2))
    layer, cost = ExpectedFlow(4.0), Correlation(4)([first, second])
    assert np.abs(layer(cost)).max() < 1  # a fresh one expects almost no motion
    layer.set_weights([np.float32(1)])
    found = layer(cost).numpy()[0, 4:8, 4:8]
    np.testing.assert_allclose(found, np.broadcast_to([12.0] * 4 + [-8.0] * 4, found.shape), atol=0.2)


def test_expected_flow_of_what_looks_alike_everywhere():
    np.testing.assert_allclose(ExpectedFlow(4.0)(np.ones((1, 2, 2, 81), np.float32)), 0, atol=1e-5)
