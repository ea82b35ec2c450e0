from keras_models.flow.pyramid_flow import pyramid_flow

# (kernel side, channels in, channels out) of each layer with biases.
# What a decoder sees: the correlation (9 x 9, 7 x 7, 5 x 5 shifts) of 24 channels made of the encoder's,
# frame 1's features, 16 channels of the coarser decoder, the flow so far.
# What the flow update sees, whose weights are those of all updates on both scales: 14 + 21 measurements, the
# flow of 2 x 2 places, frame 1's features, the decoder or the step before.
# The error is estimated from the last update's state and step, and from what it was given.
LAYERS = [
    (3, 4, 32), (3, 32, 32), (3, 32, 48), (3, 48, 48), (3, 48, 64), (3, 64, 64),
    (1, 64, 24), (3, 81 + 64, 96), (3, 96, 64), (3, 64, 2), (1, 64, 16),
    (1, 48, 24), (3, 49 + 48 + 16 + 2, 64), (3, 64, 48), (3, 48, 2), (1, 48, 16),
    (1, 32, 24), (1, 25 + 32 + 16 + 2, 48), (3, 48, 32), (3, 32, 2),
    (1, 35 + 8 + 32 + 32, 48), (3, 48, 32), (3, 32, 32), (3, 32, 8),
    (1, 32 + 8 + 8 + 4 + 35 + 32, 24), (3, 24, 24), (3, 24, 4),
]  # fmt: skip


def test_parameters_layer_by_layer():
    count = sum((k * k * before + 1) * after for k, before, after in LAYERS)
    assert pyramid_flow().count_params() == count
