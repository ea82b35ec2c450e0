import numpy as np
import pytest
import tensorflow as tf

from keras_models.layers.pyramid_layers import (
    BilinearTable,
    DepthToSpace,
    LocalContrast,
    LucasKanade,
    SpaceToDepth,
    StructureTensor,
    UnitFeatures,
)


def waves(shift=(0.0, 0.0), size=64):
    """Texture in all directions, moved: float32 [1, S, S, 1], about unit contrast."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    x, y = x - shift[0], y - shift[1]
    grey = np.sin(0.5 * x) + np.cos(0.45 * y) + np.sin(0.3 * (x + y) + 1)
    return grey[None, ..., None].astype(np.float32)


def measure(frame1, frame2, flow):
    """Displacement that the largest window measures, away from the border: [h, w, 2]."""
    pixels, tensors, _ = StructureTensor()(frame1)
    left, _ = (found.numpy() for found in LucasKanade()((pixels, tensors, BilinearTable()(frame2), flow)))
    assert left.shape[-1] == LucasKanade.CHANNELS
    assert np.isfinite(left).all()
    return left[0, 4:-4, 4:-4, 4:6]


def still(size=64):
    return np.zeros((1, size // 2, size // 2, 2), np.float32)


@pytest.mark.parametrize("shift", [(0.3, -0.2), (-0.5, 0.0), (0.05, 0.4)])
def test_lucas_kanade_finds_what_is_left(shift):
    """Its largest window finds a known sub-pixel shift; central differences make it some 4 % too long."""
    left = measure(3 * waves(), 3 * waves(shift), still())
    np.testing.assert_allclose(left.mean(axis=(0, 1)), shift, rtol=0.1, atol=0.02)


def test_lucas_kanade_sees_nothing_left_after_the_right_estimate():
    flow = still() + np.float32([1.5, -2.25])
    right = measure(waves(), waves((1.5, -2.25)), flow)
    assert np.abs(right).mean() < 0.06
    wrong = measure(waves(), waves((1.5, -2.25)), flow + np.float32([0.5, 0]))
    np.testing.assert_allclose(wrong.mean(axis=(0, 1)), [-0.5, 0], atol=0.08)


def test_lucas_kanade_says_how_much_the_frames_differ():
    """A frame that is brighter in one place of 2 x 2 pixels: log(0.5^2 + 0.01) there, else log 0.01."""
    pixels, tensors, _ = StructureTensor()(waves())
    brighter = waves()
    brighter[0, 20:22, 30:32] += 0.5
    _, differences = LucasKanade()((pixels, tensors, BilinearTable()(brighter), still()))
    assert differences.shape == (1, 16, 16, 4)
    found = DepthToSpace()(differences).numpy()[0, ..., 0]
    expected = np.full((32, 32), np.log(0.01))
    expected[10, 15] = np.log(0.26)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_products_stay_at_their_half_resolution_places():
    """A single dot tells in which 2 x 2 pixels it is, row by row, as `DepthToSpace` spreads a correction."""
    for row, column in [(8, 8), (8, 10), (10, 8), (10, 10)]:
        frame = np.zeros((1, 32, 32, 1), np.float32)
        frame[0, row : row + 2, column + 1] = 1  # its gradient along x is at `column` and two further
        _, _, texture = StructureTensor()(frame)
        xx = DepthToSpace()(texture[..., 9:13]).numpy()[0, ..., 0]
        assert np.unravel_index(xx.argmax(), xx.shape)[0] == row // 2
        assert set(np.flatnonzero(xx[row // 2])) == {column // 2, column // 2 + 1}


def test_the_structure_tensor_is_the_mean_of_products_of_numpys_gradients():
    picture = waves()
    _, tensors, _ = StructureTensor()(picture)
    y, x = np.gradient(picture[0, ..., 0])
    blocks = [(a * b).reshape(16, 4, 16, 4).mean(axis=(1, 3)) for a, b in ((x, x), (x, y), (y, y))]
    np.testing.assert_allclose(
        tensors[0, 1:-1, 1:-1, :3] - [0.02, 0, 0.02], np.stack(blocks, -1)[1:-1, 1:-1], atol=1e-4
    )
    wide = [block[5:12, 5:12].mean() for block in blocks]
    np.testing.assert_allclose(tensors[0, 8, 8, 6:] - [0.02, 0, 0.02], wide, atol=1e-4)


def test_pixels_and_their_gradient_are_numpys_in_blocks():
    picture = waves()[:, :32]
    y, x = np.gradient(picture[0, ..., 0])
    pixels, *slopes = np.split(StructureTensor()(picture)[0].numpy(), 3, axis=-1)
    np.testing.assert_array_equal(pixels, tf.nn.space_to_depth(picture, 4))
    for found, expected in zip(slopes, (x, y), strict=True):
        blocks = tf.nn.space_to_depth(expected[None, ..., None].astype(np.float32), 4)
        np.testing.assert_allclose(found[0, 1:-1, 1:-1], blocks[0, 1:-1, 1:-1], atol=1e-6)


def test_lucas_kanade_knows_where_it_sees_nothing():
    """Stripes along y show motion along x alone."""
    x = np.arange(64, dtype=np.float32)
    stripes = np.broadcast_to(np.sin(0.5 * x)[None, None, :, None], (1, 64, 64, 1)).astype(np.float32)
    seen = StructureTensor()(stripes)[2].numpy()[0, 4:-4, 4:-4]
    assert seen.shape[-1] == StructureTensor.CHANNELS
    along_x, along_y = seen[..., 6].mean(), seen[..., 7].mean()
    assert along_x > along_y + 1
    assert along_y == pytest.approx(np.log(0.02), abs=0.01)  # nothing but the damping


def test_grey_is_that_of_tensorflow():
    """Contrast of grey values: a picture and its grey are the same to it."""
    picture = np.random.default_rng(3).uniform(size=(1, 32, 32, 3)).astype(np.float32)
    grey = tf.repeat(tf.image.rgb_to_grayscale(picture), 3, axis=-1)
    np.testing.assert_allclose(LocalContrast()(picture), LocalContrast()(grey), atol=2e-3)


def test_lucas_kanade_of_a_blank_picture_is_finite():
    blank = np.zeros((1, 32, 32, 1), np.float32)
    assert not measure(blank, blank, still(32)).any()


def test_local_contrast_forgets_brightness_and_contrast():
    picture = np.repeat(0.5 + 0.5 * waves() / 3, 3, axis=-1)
    normalized = LocalContrast()(picture).numpy()
    np.testing.assert_allclose(LocalContrast()(picture + 0.2), normalized, atol=1e-3)
    np.testing.assert_allclose(LocalContrast()(0.6 * picture), normalized, rtol=0.08, atol=0.02)
    assert normalized.std() == pytest.approx(1, abs=0.35)
    assert abs(normalized.mean()) < 0.05


def test_local_contrast_keeps_blank_pictures_blank():
    assert not np.any(LocalContrast()(np.full((1, 32, 32, 3), 0.7, np.float32)).numpy().round(3))


def test_unit_features_have_unit_length():
    features = np.random.default_rng(0).normal(5, 3, (2, 8, 8, 16)).astype(np.float32)
    unit = UnitFeatures()(features).numpy()
    np.testing.assert_allclose((unit**2).mean(axis=-1), 1, rtol=1e-4)
    centred = features - features.mean(axis=(1, 2), keepdims=True)
    cosine = (unit * centred).sum(-1) / np.linalg.norm(centred, axis=-1) / np.linalg.norm(unit, axis=-1)
    np.testing.assert_allclose(cosine, 1, rtol=1e-4)


def test_space_and_depth_undo_each_other():
    values = np.random.default_rng(0).normal(size=(2, 8, 6, 3)).astype(np.float32)
    deep = SpaceToDepth()(values)
    np.testing.assert_array_equal(deep, tf.nn.space_to_depth(values, 2))
    np.testing.assert_array_equal(DepthToSpace()(deep), values)


def test_known_sizes_stay_known():
    """Losses at several levels need them in a graph."""
    layer = SpaceToDepth()
    shapes = []

    @tf.function
    def run(values):
        shapes.append(layer(values).shape.as_list())

    for shape in ([2, 8, 6, 3], [None, 8, 6, 3], [None, None, None, 3]):
        run.get_concrete_function(tf.TensorSpec(shape))
    assert shapes == [[2, 4, 3, 12], [None, 4, 3, 12], [None, None, None, 12]]
