import cv2
import numpy as np
import tensorflow as tf

from keras_models.layers.flow_layers import Enlarge, Warp


def test_enlarged_as_by_opencv():
    """Bilinear, with pixel centres at halves."""
    values = np.random.default_rng(0).random((1, 6, 10, 2)).astype(np.float32)
    expected = cv2.resize(values[0], (40, 24), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(Enlarge(4)(values)[0], expected, atol=1e-5)


def test_warp_of_what_is_finer_than_the_input():
    """Half a pixel of the input is one of a grid twice as fine."""
    features = np.random.default_rng(0).normal(size=(1, 8, 8, 4)).astype(np.float32)
    flow = np.broadcast_to(np.float32([0, 0.5]), (1, 8, 8, 2))
    warped = Warp(1 / 2)((features, flow)).numpy()
    np.testing.assert_allclose(warped[:, :-1], features[:, 1:], atol=1e-5)


def test_warp_takes_pixels_of_the_input():
    """8 pixels at an eighth of the resolution are one place."""
    features = np.random.default_rng(0).normal(size=(1, 8, 8, 4)).astype(np.float32)
    flow = np.broadcast_to(np.float32([8, 0]), (1, 8, 8, 2))
    warped = Warp(8)((features, flow)).numpy()
    np.testing.assert_allclose(warped[:, :, :-1], features[:, :, 1:], atol=1e-5)


def test_no_gradient_goes_to_the_flow_that_warps():
    features, flow = tf.random.normal([1, 8, 8, 4]), tf.Variable(tf.zeros([1, 8, 8, 2]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(Warp(4)((features, flow))))
    assert tape.gradient(loss, flow) is None
