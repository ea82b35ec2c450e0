import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.expression.mirror_net import mirror_net
from keras_models.expression.ststnet import ststnet
from keras_models.layers.ensemble import conv_relu_pool


@pytest.mark.parametrize("size", [(28, 28), (9, 14)])
def test_conv_relu_pool_is_tensorflows_and_so_is_its_gradient(size):
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(2, *size, 3)), tf.float32)
    kernel, bias = (tf.constant(rng.normal(size=s), tf.float32) for s in ((3, 3, 3, 5), (5,)))
    upstream = tf.constant(rng.normal(size=(2, -(-size[0] // 3), -(-size[1] // 3), 5)), tf.float32)

    def theirs(features, kernel, bias):
        convolved = tf.nn.relu(tf.nn.conv2d(features, kernel, 1, "SAME") + bias)
        return tf.nn.max_pool2d(convolved, 3, 3, "SAME")

    results = []
    for function in (conv_relu_pool, theirs):
        with tf.GradientTape() as tape:
            tape.watch((kernel, bias))
            value = function(features, kernel, bias)
        results.append((value, *tape.gradient(value, (kernel, bias), upstream)))
    for own, expected in zip(*results, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-4)


def plain_ststnet():
    features = keras.Input((28, 28, 3))
    streams = [keras.layers.Conv2D(k, 3, padding="same", activation="relu")(features) for k in (3, 5, 8)]
    streams = [keras.layers.MaxPooling2D(3, padding="same")(stream) for stream in streams]
    pooled = keras.layers.AveragePooling2D(2)(keras.layers.Concatenate()(streams))
    return keras.Model(features, keras.layers.Dense(3)(keras.layers.Flatten()(pooled)))


def test_ststnet_is_three_streams_and_a_dense_layer():
    keras.utils.set_random_seed(1)
    copies, plain = ststnet(copies=2), plain_ststnet()
    assert copies.count_params() == 2 * plain.count_params() == 2 * 1651
    kernel, _, dense, _ = weights = [weight + 0.1 for weight in copies.get_weights()]
    copies.set_weights(weights)
    features = np.random.default_rng(0).normal(size=(3, 28, 28, 3)).astype(np.float32)
    for copy in range(2):
        own = [weight[copy] for weight in weights]
        edges = ((0, 3), (3, 8), (8, 16))
        streams = [(own[0][..., a:b], own[1][a:b]) for a, b in edges]
        plain.set_weights([array for pair in streams for array in pair] + own[2:])
        np.testing.assert_allclose(copies(features)[:, copy], plain(features), rtol=1e-3, atol=1e-4)
    assert kernel.shape == (2, 3, 3, 3, 16)
    assert dense.shape == (2, 400, 3)


def test_mirror_net_cannot_tell_a_face_from_its_mirror_image():
    assert mirror_net().count_params() == (14 * 14 * 3 + 1) * 32 + (32 + 1) * 3
    network = mirror_net(copies=2)
    features = np.random.default_rng(0).normal(size=(3, 28, 28, 3)).astype(np.float32)
    mirrored = features[:, :, ::-1] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(network(features), network(mirrored), atol=1e-5)
    assert np.abs(network(features) - network(features[:, :, ::-1])).max() > 0.01
