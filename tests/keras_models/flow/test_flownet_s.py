import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flownet_blocks import FLOW_SCALE
from keras_models.flow.flownet_s import flownet_s, update_flow
from pipelines.errors import InputError


@pytest.fixture(scope="module")
def caffe():
    return flownet_s(decoder_biases=True)


def test_parameters_of_the_published_network(caffe):
    """As in the Caffe original; the PyTorch version's number is in test_networks.py."""
    assert caffe.count_params() == 38_676_506


def test_layers_by_the_published_table(caffe):
    """Kernel sizes and channels of FlowNetS, as its PyTorch version prints them (in, out, side)."""
    shapes = {layer.name: layer.kernel.shape for layer in caffe.layers if hasattr(layer, "kernel")}
    expected = {"conv1": (7, 6, 64), "conv3": (5, 128, 256), "conv6_1": (3, 1024, 1024)}
    for name, (side, before, after) in expected.items():
        assert tuple(shapes[name]) == (side, side, before, after)
    # Transposed convolutions store (side, side, out, in).
    for name, (before, after) in {"deconv5": (1024, 512), "deconv2": (386, 64)}.items():
        assert tuple(shapes[name]) == (4, 4, after, before)
    for level, before in {6: 1024, 5: 1026, 4: 770, 3: 386, 2: 194}.items():
        assert tuple(shapes[f"predict{level}"]) == (3, 3, before, 2)


def test_strided_layers_are_padded_alike_on_both_sides():
    """PyTorch's padding: mirroring the picture mirrors the features of a symmetric kernel."""
    model = flownet_s(width=0.0625)
    first = tf.keras.Model(model.inputs, model.get_layer("conv1").output)
    kernel = model.get_layer("conv1").kernel
    kernel.assign((kernel + kernel[:, ::-1]) / 2)
    x = np.random.default_rng(0).random((1, 64, 65 * 2 - 2, 3)).astype(np.float32)
    # With k = 7 and p = 3 output column j is centred on input column 2 j: an odd width mirrors onto itself.
    x = x[:, :, :127]
    layer_in = np.concatenate([x, x], axis=-1)
    conv = lambda frames: model.get_layer("conv1")(model.get_layer("conv1_pad")(frames)).numpy()  # noqa: E731
    np.testing.assert_allclose(conv(layer_in[:, :, ::-1]), conv(layer_in)[:, :, ::-1], atol=1e-5)
    assert first.output_shape[-1] == 4


def test_more_flow_updates_have_the_same_weights():
    """The first estimate is that of the network with one update, and there are no further weights."""
    once, thrice = (flownet_s(width=0.0625, num_flow_updates=count) for count in (1, 3))
    thrice.set_weights(once.get_weights())
    assert {name for name in thrice.output if name not in once.output} == {"flow1_1", "flow1"}
    pair = dict(zip(("frame1", "frame2"), np.random.default_rng(0).random((2, 1, 64, 64, 3)), strict=True))
    known, more = once(pair), thrice(pair)
    for name in set(known) - {"flow"}:
        np.testing.assert_allclose(more[name], known[name], atol=1e-6)


def test_each_update_finds_some_of_what_remains():
    """Frames whose colours are their own coordinates, and an estimate of three quarters of a motion.

    What frame 1 shows at p, frame 2 shows at s (p - c) + c + d: the motion is known everywhere.
    """
    size, scale, shift = 64, 1.06, np.array([2.0, -1.5], np.float32)
    first = np.stack(np.meshgrid(*2 * [np.arange(size, dtype=np.float32)]), -1)
    centre = (size - 1) / 2
    second = (first - shift - centre) / scale + centre

    def estimate(frames):
        seen = (frames[0] - frames[1]) * 0.75  # pixels; how far off in colour is nearly how far off in place
        return {2: tf.nn.avg_pool2d(2 * seen / FLOW_SCALE, 4, 4, "VALID")}

    frames = [tf.constant(frame[None]) for frame in (first, second)]
    start = tf.nn.avg_pool2d((frames[0] - frames[1]) * 0.75, 4, 4, "VALID")
    found = update_flow(estimate, frames, start, 3)
    assert list(found) == ["flow1_1", "flow1_2", "flow1"]

    half = 2 * np.stack(np.meshgrid(*2 * [np.arange(size // 2)]), -1) + 0.5  # places of the 1/2 grid
    true = (half - centre) * (scale - 1) + shift
    inside = (slice(6, -6), slice(6, -6))
    errors = [
        np.linalg.norm(flow - true, axis=-1)[inside].mean()
        for flow in (np.zeros_like(true), *(flow[0].numpy() for flow in found.values()))
    ]
    for before, after in zip([errors[0] / 4, *errors[1:]], errors[1:], strict=False):
        assert after < 0.35 * before
    assert errors[-1] < 0.02


def test_there_is_at_least_one_update():
    with pytest.raises(InputError, match="num_flow_updates must be at least 1, but is 0"):
        flownet_s(num_flow_updates=0)
