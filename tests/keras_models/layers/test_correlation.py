import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.layers.correlation import Correlation, correlation, correlation_cost


def features(shape, seed=0):
    return list(np.random.default_rng(seed).normal(size=(2, *shape)).astype(np.float32))


def test_by_hand():
    """One bright place that moves by (dx, dy) = (1, -1): only the channel of that shift is not zero."""
    first, second = np.zeros((2, 1, 5, 6, 4), np.float32)
    first[0, 3, 2], second[0, 2, 3] = 2.0, 3.0
    cost = correlation(first, second, radius=2).numpy()
    expected = np.zeros((1, 5, 6, 25), np.float32)
    expected[0, 3, 2, (-1 + 2) * 5 + (1 + 2)] = 6.0  # mean over the channels, not the sum
    np.testing.assert_array_equal(cost, expected)


@pytest.mark.parametrize(("radius", "stride"), [(1, 1), (4, 1), (4, 2), (20, 2)])
def test_addons_gives_the_same_values_and_slopes(radius, stride):
    first, second = map(tf.constant, features((2, 7, 9, 5)))
    weights = np.random.default_rng(1).normal(size=(2, 7, 9, (2 * radius // stride + 1) ** 2))
    results = []
    for correlate in (correlation, correlation_cost):
        with tf.GradientTape() as tape:
            tape.watch([first, second])
            cost = correlate(first, second, radius, stride)
            total = tf.reduce_sum(cost * weights.astype(np.float32))
        results.append([cost, *tape.gradient(total, [first, second])])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_slopes_are_whole_at_every_call():
    """Addons' own slope of the second features lacked terms in a sixth of such calls, on two cores."""
    first, second = map(tf.constant, features((4, 40, 40, 24)))
    weights = tf.constant(np.random.default_rng(1).normal(size=(4, 40, 40, 25)).astype(np.float32))

    def slopes(correlate):
        with tf.GradientTape() as tape:
            tape.watch([first, second])
            total = tf.reduce_sum(correlate(first, second, 2) * weights)
        return tape.gradient(total, [first, second])

    expected = slopes(correlation)
    for _ in range(30):
        for ours, theirs in zip(expected, slopes(correlation_cost), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_layer_learns_with_addons_and_answers_without():
    frames = [keras.Input((None, None, 3)) for _ in range(2)]
    model = keras.Model(frames, Correlation(2)(frames))
    assert model.output_shape == (None, None, None, 25)
    ops = {}
    for training in (True, False, None):

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])] * 2)
        def run(first, second, training=training):
            return model([first, second], training=training)

        graph = run.get_concrete_function().graph
        ops[training] = {op.type for op in graph.get_operations()}
        assert graph.outputs[0].shape[-1] == 25
        assert run(*features((2, 5, 8, 3))).shape == (2, 5, 8, 25)
    assert "Addons>CorrelationCost" in ops[True]
    assert not any(">" in op for op in ops[False] | ops[None])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("training", [True, False])
def test_sums_are_float32_under_mixed_precision(policy, training):
    """A mean of 300 products of 30 x 30 overflows float16 if it is summed there."""
    layer = Correlation(1, dtype=policy)
    cost = layer([tf.fill((1, 3, 3, 300), 30.0)] * 2, training=training)
    assert cost.dtype == layer.compute_dtype
    assert float(cost[0, 1, 1, 4]) == pytest.approx(900, rel=0.01)


def test_radius_that_is_no_multiple_of_the_stride():
    with pytest.raises(ValueError, match="multiple"):
        Correlation(radius=3, stride=2)


def test_config():
    again = Correlation.from_config(Correlation(4, 2).get_config())
    assert (again.radius, again.stride) == (4, 2)
