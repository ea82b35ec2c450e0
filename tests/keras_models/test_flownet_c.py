import numpy as np
import tensorflow as tf

from keras_models.flownet_c import flownet_c


def test_parameters_of_the_published_networks():
    """NVIDIA/flownet2-pytorch, networks/FlowNetC.py notes 39,175,298.

    It has biases in the decoder, and two in each of the four layers that carry the flow up, which neither the
    Caffe original of FlowNetS nor ours has.
    """
    assert flownet_c(decoder_biases=True).count_params() == 39_175_298 - 4 * 2


def test_layers_by_the_published_code():
    """Channels as in FlowNetPytorch (in, out): 473 = 32 redirected + 21 x 21 shifts."""
    shapes = {layer.name: layer.kernel.shape for layer in flownet_c().layers if hasattr(layer, "kernel")}
    for name, expected in {
        "conv1": (7, 7, 3, 64),
        "conv_redir": (1, 1, 256, 32),
        "conv3_1": (3, 3, 473, 256),
        "predict2": (3, 3, 194, 2),
    }.items():
        assert tuple(shapes[name]) == expected


def test_the_correlation_sees_where_a_feature_went():
    """A point that moves by 16 px along x is, on 1/8 of the grid, one shift of 2 places: column 11 of 21."""
    model = flownet_c(width=0.0625)
    seen = tf.keras.Model(model.inputs, model.get_layer("correlation").output)
    first = np.full((1, 128, 128, 3), 0.43, np.float32)
    first[0, 60:68, 60:68] = 1
    second = np.roll(first, 16, axis=2)
    # Frame 1's place (8, 8), where the point is, against all places of frame 2.
    cost = seen({"frame1": first, "frame2": second}).numpy()[0, 8, 8].reshape(21, 21)
    still = seen({"frame1": first, "frame2": first}).numpy()[0, 8, 8].reshape(21, 21)
    assert np.unravel_index(np.argmax(still), (21, 21)) == (10, 10)
    assert np.unravel_index(np.argmax(cost), (21, 21)) == (10, 11)
