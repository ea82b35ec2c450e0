import numpy as np
import pytest

from keras_models.flow.flow_networks import build_network
from keras_models.inference.uncertainty import (
    forward_backward,
    get_uncertain_estimator,
    uncertain_network_estimator,
)
from keras_models.presets import Preset, save_preset
from pipelines.errors import InputError


def frames(size=(40, 56)):
    return np.random.default_rng(0).integers(0, 255, (2, *size, 3), np.uint8)


def test_network(tmp_path):
    network = build_network("block_flow", width=0.25)
    save_preset(tmp_path, network, Preset({"name": "block_flow", "width": 0.25}))
    frame1, frame2 = frames()
    estimates = network({"frame1": frame1[None] / np.float32(255), "frame2": frame2[None] / np.float32(255)})
    for estimate in (uncertain_network_estimator(network), get_uncertain_estimator(str(tmp_path))):
        flow, valid, uncertainty = estimate(frame1, frame2)
        np.testing.assert_allclose(flow, estimates["flow"][0], atol=1e-5)
        np.testing.assert_allclose(uncertainty, estimates["uncertainty"][0, ..., 0], atol=1e-5)
        assert valid.all()


def test_forward_backward_difference():
    """3 px to the right there and 1 px to the left back miss by 2 px; outside the frame the border counts."""

    def estimate(frame1, frame2):
        shift = 3 if frame1[0, 0, 0] == 0 else -1
        return np.full((*frame1.shape[:2], 2), [shift, 0], np.float32), np.ones(frame1.shape[:2], bool)

    first, second = np.zeros((8, 9, 3), np.uint8), np.ones((8, 9, 3), np.uint8)
    flow, _, uncertainty = forward_backward(estimate)(first, second)
    assert np.all(flow == [3, 0])
    np.testing.assert_allclose(uncertainty, 2)


@pytest.mark.parametrize("name", ["dis_fine", "flownet_s", "label:mesh"])
def test_methods_without(name):
    with pytest.raises(InputError, match=f"{name} does not estimate its uncertainty; .*consistency:{name}"):
        get_uncertain_estimator(name)


def test_unknown_method():
    with pytest.raises(InputError, match="unknown flow method 'nothing'"):
        get_uncertain_estimator("nothing")


def test_a_folder_without_a_network(tmp_path):
    with pytest.raises(InputError, match="neither a training run nor a SavedModel"):
        get_uncertain_estimator(str(tmp_path))


def test_a_network_without():
    network = build_network("flownet_s", width=0.0625)
    with pytest.raises(InputError, match=r"^the network does not .*; use default or fast$"):
        uncertain_network_estimator(network)


def test_frames_of_two_sizes():
    estimate = uncertain_network_estimator(build_network("block_flow", width=0.25))
    with pytest.raises(InputError, match="differ in size: 56x40 and 30x20"):
        estimate(frames()[0], frames((20, 30))[1])


def test_where_the_way_back_is_not_known():
    """The flow leads to the right half, of which the other direction knows nothing."""

    def estimate(frame1, frame2):
        valid = np.ones(frame1.shape[:2], bool)
        valid[:, 8:] = frame1[0, 0, 0] == 0
        return np.full((*valid.shape, 2), (1 if frame1[0, 0, 0] == 0 else -1, 0), np.float32), valid

    frames = np.zeros((16, 16, 3), np.uint8), np.ones((16, 16, 3), np.uint8)
    _, _, uncertainty = forward_backward(estimate)(*frames)
    assert (uncertainty[:, :6] == 0).all()
    assert np.isnan(uncertainty[:, 8:15]).all()
