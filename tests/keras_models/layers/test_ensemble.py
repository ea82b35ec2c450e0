import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.expression.mirror_net import mirror_net
from keras_models.expression.ststnet import ststnet
from keras_models.layers.ensemble import EnsembleConvPool


@pytest.mark.parametrize("size", [(28, 28), (9, 14)])
def test_each_member_convolves_and_pools_alone(size):
    """Against Keras' own layers, member by member, with the gradient."""
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(2, *size, 3)), tf.float32)
    ensemble = EnsembleConvPool(ensemble_size=3, streams=(3, 2))
    with tf.GradientTape() as tape:
        pooled = ensemble(features)
        loss = tf.reduce_sum(pooled**2)
    slopes = tape.gradient(loss, ensemble.trainable_weights)
    for member in range(3):
        plain = keras.layers.Conv2D(5, 3, padding="same", activation="relu")
        plain.build(features.shape)
        plain.set_weights([weight[member] for weight in ensemble.get_weights()])
        with tf.GradientTape() as tape:
            expected = keras.layers.MaxPooling2D(3, padding="same")(plain(features))
            loss = tf.reduce_sum(expected**2)
        np.testing.assert_allclose(pooled[..., member, :], expected, rtol=1e-4, atol=1e-5)
        for own, slope in zip(slopes, tape.gradient(loss, plain.trainable_weights), strict=True):
            np.testing.assert_allclose(own[member], slope, rtol=1e-4, atol=1e-4)


def plain_ststnet():
    features = keras.Input((28, 28, 3))
    streams = [keras.layers.Conv2D(k, 3, padding="same", activation="relu")(features) for k in (3, 5, 8)]
    streams = [keras.layers.MaxPooling2D(3, padding="same")(stream) for stream in streams]
    pooled = keras.layers.AveragePooling2D(2)(keras.layers.Concatenate()(streams))
    return keras.Model(features, keras.layers.Dense(3)(keras.layers.Flatten()(pooled)))


def test_ststnet_is_three_streams_and_a_dense_layer():
    keras.utils.set_random_seed(1)
    copies, plain = ststnet(ensemble_size=2), plain_ststnet()
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
    network = mirror_net(ensemble_size=2)
    features = np.random.default_rng(0).normal(size=(3, 28, 28, 3)).astype(np.float32)
    mirrored = features[:, :, ::-1] * np.float32([-1, 1, 1])
    np.testing.assert_allclose(network(features), network(mirrored), atol=1e-5)
    assert np.abs(network(features) - network(features[:, :, ::-1])).max() > 0.01
