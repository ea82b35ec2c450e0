import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_models.layers.block_lucas_kanade import (
    BlockLucasKanade,
    BlockPixels,
    BlockStructureTensor,
    portable_operations,
    warp_blocks,
)


def texture(seed=0, shape=(96, 80), sigma=2):
    picture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return (picture / picture.std()).astype(np.float32)


def blocks(*pictures):
    return tf.nn.space_to_depth(np.stack(pictures)[..., None], 4)


def measure(first, second, flow, stride=1):
    first, second = blocks(first), blocks(second)
    *structure, _, _ = BlockStructureTensor(stride)(first)
    flow = np.broadcast_to(np.float32(flow), (*first.shape[:3], 8))
    return BlockLucasKanade(stride)([first, BlockPixels()(second), *structure, flow])


@pytest.mark.parametrize("portable", [False, True])
def test_warp_is_bilinear(portable):
    """Each block displaced as a whole, against SciPy."""
    pictures = [texture(seed) for seed in (0, 1)]
    u, v = np.random.default_rng(2).uniform(-2.9, 2.9, (2, 2, 24, 20, 1)).astype(np.float32)
    pixels = BlockPixels()(blocks(*pictures))
    if portable:
        with portable_operations():
            found = warp_blocks(pixels, u, v)
    else:
        found = warp_blocks(pixels, u, v)
    found = tf.nn.depth_to_space(found, 4)[..., 0]
    for k, picture in enumerate(pictures):
        wide = np.pad(picture, 4, "symmetric")
        y, x = np.mgrid[:96, :80] + 4.0
        y, x = (z + np.kron(d[k, ..., 0], np.ones((4, 4))) for z, d in ((y, v), (x, u)))
        expected = ndimage.map_coordinates(wide.astype(np.float64), [y, x], order=1)
        np.testing.assert_allclose(found[k], expected, atol=2e-4)


@pytest.mark.parametrize("portable", [False, True])
def test_far_displacements_stay_at_the_border(portable):
    picture = np.ones((16, 16), np.float32)
    far = np.full((1, 4, 4, 1), 1e4, np.float32)
    pixels = BlockPixels()(blocks(picture))
    if portable:
        with portable_operations():
            found = warp_blocks(pixels, far, -far)
    else:
        found = warp_blocks(pixels, far, -far)
    np.testing.assert_allclose(found, np.ones((1, 4, 4, 16)), atol=1e-6)


def test_gradient_is_that_of_central_differences():
    picture = texture()
    gradient, parts, *_ = BlockStructureTensor()(blocks(picture))
    slope_y, slope_x = (z[1:-1, 1:-1] for z in np.gradient(np.pad(picture, 1, "edge")))
    for found, expected in zip(tf.split(gradient, 2, -1), (slope_x, slope_y), strict=True):
        np.testing.assert_allclose(tf.nn.depth_to_space(found, 4)[0, ..., 0], expected, atol=1e-5)
    mean = (slope_x * slope_y).reshape(48, 2, 40, 2).mean((1, 3))
    np.testing.assert_allclose(tf.nn.depth_to_space(parts[..., 4:8], 2)[0, ..., 0], mean, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_displacement_of_a_window_by_least_squares(stride):
    """The damped normal equations of a place's window, solved by NumPy."""
    picture = texture()
    other = ndimage.shift(picture, (0.3, -0.6), order=3, mode="nearest")
    solved, _ = measure(picture, other, 0, stride)
    slope_y, slope_x = np.gradient(picture.astype(np.float64))
    slopes, rest = np.stack([slope_x, slope_y], -1), (picture - other).astype(np.float64)
    side, row, column = 4 * stride, 10 // stride, 8 // stride  # of a place well inside the frame
    for k, window in enumerate((1, 3, 7) if stride == 1 else (1, 3)):
        reach = side * (window // 2)
        y, x = (slice(max(0, side * z - reach), side * (z + 1) + reach) for z in (row, column))
        inside = slopes[y, x].reshape(-1, 2)
        tensor = inside.T @ inside / len(inside) + 0.02 * np.eye(2)
        expected = np.linalg.solve(tensor, inside.T @ rest[y, x].ravel() / len(inside))
        found = solved[0, row, column, 2 * k : 2 * k + 2]
        np.testing.assert_allclose(found, 3 * np.tanh(expected / 3), atol=2e-3)


@pytest.mark.parametrize("stride", [1, 2])
def test_nothing_remains_at_the_true_flow(stride):
    picture = texture(sigma=3)
    other = ndimage.shift(picture, (1, -2), order=3, mode="nearest")
    flow = [-2] * 4 + [1] * 4
    solved, products = measure(picture, other, flow, stride)
    inner = np.s_[:, 4:-4, 4:-4]  # whose windows do not see the border
    assert np.abs(solved[inner]).max() < 0.05
    assert np.abs(products[..., :8][inner]).max() < 0.05
    np.testing.assert_allclose(
        products[..., 8:], np.broadcast_to(np.float32(flow) / 4, products[..., 8:].shape)
    )


def test_variation_within_a_block_enters_through_the_gradient():
    """A stretch along x, which a displacement of whole blocks cannot follow, on slopes of every block."""
    y, x = np.mgrid[:32, :32].astype(np.float64)
    stretch = 0.05
    first, second = (
        blocks((0.3 * x * scale + 0.01 * (x * scale) ** 2 + 0.5 * y).astype(np.float32))
        for scale in (1, 1 / (1 + stretch))
    )
    u = stretch * np.broadcast_to(2 * np.arange(16) + 0.5, (16, 16))
    flow = tf.nn.space_to_depth(np.float32(u)[None, ..., None], 2)
    mean = tf.repeat(tf.reduce_mean(flow, -1, keepdims=True), 4, -1)
    *structure, _, _ = BlockStructureTensor()(first)
    measure = BlockLucasKanade()
    rest, rest_without = (
        np.abs(
            measure([first, BlockPixels()(second), *structure, tf.concat([z, 0 * z], -1)])[1][
                0, 2:-2, 2:-2, :8
            ]
        )
        for z in (flow, mean)
    )
    assert rest.max() < 0.01
    assert rest_without.max() > 0.03


def test_no_gradient_passes():
    with tf.GradientTape() as tape:
        flow = tf.Variable(tf.zeros((1, 24, 20, 8)))
        first = tf.Variable(blocks(texture()))
        *structure, _, _ = BlockStructureTensor()(first)
        solved, _ = BlockLucasKanade()([first, BlockPixels()(first), *structure, flow])
        total = tf.reduce_sum(solved)
    assert tape.gradient(total, [flow, first]) == [None, None]
