from keras_models.flow.face_flownet import face_flownet

PARAMETERS = 49_437_364  # of the built network, in test_networks.py

# (kernel side, channels in, channels out) of each layer with biases, from the paper's published code; 544 are
# 32 redirected, 256 of frame 1, 256 of frame 2, and the decoder joins skip + deconvolution + 2 of the flow.
LAYERS = [
    (7, 3, 64), (5, 64, 128), (5, 128, 256), (1, 256, 32), (3, 544, 256),
    (3, 256, 512), (3, 512, 512), (3, 512, 512), (3, 512, 512), (3, 512, 1024), (3, 1024, 1024),
    (4, 1024, 512), (1, 1026, 1024), (4, 1024, 512), (1, 1026, 1024), (4, 1024, 256), (1, 514, 512),
    (4, 512, 128), (4, 258, 64),
    (3, 1024, 2), (3, 1024, 2), (3, 1024, 2), (3, 512, 2), (3, 258, 2), (3, 130, 2),
]  # fmt: skip


def test_parameters_layer_by_layer():
    assert sum((k * k * before + 1) * after for k, before, after in LAYERS) == PARAMETERS


def test_flow_down_to_half_resolution():
    network = face_flownet(width=0.0625)
    assert set(network.output) == {"flow", *(f"flow{level}" for level in range(1, 7))}
    # Five sixths of the weight on the final level, as in the paper.
    assert network.level_weights["flow1"] == 5 / 6
