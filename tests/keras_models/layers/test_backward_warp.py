import numpy as np
import pytest
import tensorflow as tf

from keras_models.layers.backward_warp import warp_back
from pipelines.image import warping


def wave(x, y):
    return np.sin(0.4 * x + 0.1) * np.cos(0.25 * y - 0.3)


def test_an_analytic_shift():
    """Frame 2 shows at (x, y) what frame 1 shows at (x - 2, y + 1): the flow is (2, -1), x first."""
    x, y = np.meshgrid(np.arange(20.0), np.arange(14.0))
    second = tf.constant(wave(x - 2, y + 1)[None, ..., None], tf.float32)
    flow = tf.ones((1, 14, 20, 2)) * [2.0, -1.0]
    warped, inside = warp_back(second, flow)
    expected = np.zeros((14, 20), bool)
    expected[1:, :18] = True
    np.testing.assert_array_equal(inside[0], expected)
    np.testing.assert_allclose(warped[0, ..., 0][expected], wave(x, y)[expected], atol=1e-5)


def test_as_opencv_does_it():
    random = np.random.default_rng(0)
    second = random.random((24, 30, 3)).astype(np.float32)
    # Whole eighths: OpenCV rounds positions to 1/32 px.
    flow = (random.integers(-40, 40, (24, 30, 2)) / 8).astype(np.float32)
    warped, _ = warp_back(second[None], flow[None])
    np.testing.assert_allclose(warped[0], warping.warp_back(second, flow, interpolation=1), atol=1e-5)


def test_slope_in_the_flow():
    """Of a ramp that rises by 3 per pixel along x and 5 along y."""
    x, y = np.meshgrid(np.arange(8.0), np.arange(8.0))
    ramp = tf.constant((3 * x + 5 * y)[None, ..., None], tf.float32)
    flow = tf.Variable(tf.fill((1, 8, 8, 2), 0.25))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(warp_back(ramp, flow)[0][:, :7, :7])
    slope = tape.gradient(total, flow)[0, :7, :7].numpy()
    np.testing.assert_allclose(slope, np.broadcast_to([3, 5], (7, 7, 2)), atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 2), (5, 3)])
def test_sizes_unknown_when_the_graph_is_built(shape):
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 2])])
    def run(second, flow):
        return warp_back(second, flow)

    second = np.random.default_rng(0).random((2, *shape, 3)).astype(np.float32)
    warped, inside = run(second, np.zeros((2, *shape, 2), np.float32))
    np.testing.assert_allclose(warped, second, atol=1e-6)
    assert inside.numpy().all()
