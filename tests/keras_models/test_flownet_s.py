import numpy as np
import pytest
import tensorflow as tf

from keras_models.flownet_s import flownet_s


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
