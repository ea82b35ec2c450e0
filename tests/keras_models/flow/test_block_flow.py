import numpy as np
import pytest

from keras_models.flow.block_flow import block_flow
from pipelines.errors import InputError

# (kernel side, channels in, channels out, bias) of each convolution, and (kernel side, channels) of each
# depthwise one. The cost has 9 x 9 shifts, and 8 values are expected of it; the texture has 9 features and 12
# products of parts; what is measured has 6 displacements, and 16 products and flow; at full size there are
# four blocks in a place.
POINTWISE = [
    (3, 16, 64, True), (1, 64, 64, True), (1, 64, 64, True), (1, 64, 32, True),
    (1, 81, 96, True), (1, 8, 96, False), (1, 64, 96, False), (1, 96, 96, True), (1, 96, 96, True),
    (1, 96, 8, False), (1, 96, 96, True), (1, 96, 96, True),
    (1, 9, 96, True), (1, 12, 96, False), (1, 64, 96, False), (1, 6, 96, False), (1, 16, 96, False),
    (1, 96, 8, False),
    (1, 9, 96, True), (2, 12, 96, False), (1, 64, 96, False), (1, 6, 96, False), (2, 16, 96, False),
    (1, 96, 32, False),
    (3, 96, 32, True), (1, 32, 16, True),
]  # fmt: skip
DEPTHWISE = [(3, 64), (3, 64), (5, 96), (5, 96), (5, 96), (5, 96)]


def random_frames(shape=(1, 64, 64, 3)):
    return {
        name: np.random.default_rng(k).random(shape, np.float32)
        for k, name in enumerate(("frame1", "frame2"))
    }


def test_parameters_layer_by_layer():
    count = sum(k * k * before * after + bias * after for k, before, after, bias in POINTWISE)
    count += sum(k * k * channels for k, channels in DEPTHWISE)
    count += 1  # the sharpness of the matches
    assert block_flow().count_params() == count


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (64, 48), (65, 129)])
def test_any_size(size):
    estimates = block_flow(width=0.25)(random_frames((2, *size, 3)))
    assert estimates["flow"].shape == (2, *size, 2)
    assert estimates["uncertainty"].shape == (2, *size, 1)
    assert np.all(np.isfinite(estimates["flow"]))
    assert np.all(np.asarray(estimates["uncertainty"]) > 0)


@pytest.mark.parametrize("setting", ["num_flow_updates", "num_coarse_flow_updates"])
def test_number_of_updates(setting):
    with pytest.raises(InputError, match=f"{setting} must be at least 1, but is 0"):
        block_flow(**{setting: 0})
