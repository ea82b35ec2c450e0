import numpy as np

from keras_models.flow.pyramid_flow import pyramid_flow

# (kernel side, channels in, channels out) of each layer with biases.
# What a decoder sees: the correlation (9 x 9, 7 x 7, 5 x 5 shifts) of 24 channels made of the encoder's,
# frame 1's features, 16 channels of the coarser decoder, the flow so far.
# What the flow update sees, whose weights are those of all updates on both scales: 14 + 21 measurements, the
# flow of 2 x 2 places, frame 1's features, the decoder or the step before.
LAYERS = [
    (3, 4, 32), (3, 32, 32), (3, 32, 48), (3, 48, 48), (3, 48, 64), (3, 64, 64),
    (1, 64, 24), (3, 81 + 64, 96), (3, 96, 64), (3, 64, 2), (1, 64, 16),
    (1, 48, 24), (3, 49 + 48 + 16 + 2, 64), (3, 64, 48), (3, 48, 2), (1, 48, 16),
    (1, 32, 24), (1, 25 + 32 + 16 + 2, 48), (3, 48, 32), (3, 32, 2),
    (1, 35 + 8 + 32 + 32, 48), (3, 48, 32), (3, 32, 32), (3, 32, 8),
]  # fmt: skip


def test_parameters_layer_by_layer():
    assert sum((k * k * before + 1) * after for k, before, after in LAYERS) == 440_518  # of test_networks.py


def test_brightness_and_contrast_change_little():
    """All rests on locally normalised pictures: another exposure of frame 2 changes next to nothing."""
    network = pyramid_flow(width=0.25)
    y, x = np.mgrid[:64, :64].astype(np.float32)
    grey = 0.5 + 0.2 * np.sin(0.5 * x) * np.cos(0.4 * y) + 0.1 * np.sin(0.3 * (x + y))
    frame = np.repeat(grey[None, ..., None], 3, axis=-1)
    plain = network({"frame1": frame, "frame2": frame})["flow"]
    darker = network({"frame1": frame, "frame2": 0.7 * frame + 0.1})["flow"]
    other = network({"frame1": frame, "frame2": np.roll(frame, 3, axis=2)})["flow"]
    assert np.abs(darker - plain).max() < 0.1 * np.abs(other - plain).max()
