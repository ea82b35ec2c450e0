"""What networks with flow updates have in common."""

import numpy as np
import pytest

from keras_models.flow.flow_networks import build_network
from keras_models.presets import Preset, load_network, save_preset
from pipelines.errors import InputError


@pytest.mark.parametrize("name", ["block_flow", "pyramid_flow"])
def test_a_preset_runs_with_another_number_of_updates(name, tmp_path):
    """One update more continues from where the others ended, and changes nothing before."""
    frames = {
        name: np.random.default_rng(k).random((1, 64, 64, 3), np.float32)
        for k, name in enumerate(("frame1", "frame2"))
    }
    about = {"name": name, "width": 0.25, "num_coarse_flow_updates": 1, "num_flow_updates": 2}
    save_preset(tmp_path, build_network(**about), Preset(about))
    flow = load_network(tmp_path)(frames)
    # The order of the layers in the network, and in the file of its weights, depends on these numbers.
    for updates, level, same in ((1, "flow1", "flow1_1"), (3, "flow1_2", "flow1")):
        network = load_network(tmp_path, num_flow_updates=updates)
        found = network(frames)
        assert sum(network.level_weights.values()) == pytest.approx(1)
        assert set(network.level_weights) == set(found) - {"flow", "uncertainty"}
        np.testing.assert_allclose(found[level], flow[same], atol=1e-5)
    assert np.abs(found["flow1"] - flow["flow1"]).max() > 1e-5
    coarser = load_network(tmp_path, num_coarse_flow_updates=2)(frames)
    np.testing.assert_allclose(coarser["flow2_1"], flow["flow2_1"], atol=1e-5)
    assert np.abs(coarser["flow1"] - flow["flow1"]).max() > 1e-5


def test_a_network_without_updates_says_so(tmp_path):
    about = {"name": "flownet_c", "width": 0.0625}
    save_preset(tmp_path, build_network(**about), Preset(about))
    with pytest.raises(InputError, match="num_flow_updates"):
        load_network(tmp_path, num_flow_updates=1)


@pytest.mark.parametrize("preset", ["default", "fast"])
def test_brightness_and_contrast_change_little(preset):
    """All rests on locally normalised pictures: another exposure of frame 2 changes next to nothing."""
    network = load_network(preset)
    y, x = np.mgrid[:64, :64].astype(np.float32)
    grey = 0.5 + 0.2 * np.sin(0.5 * x) * np.cos(0.4 * y) + 0.1 * np.sin(0.3 * (x + y))
    frame = np.repeat(grey[None, ..., None], 3, axis=-1)
    plain = network({"frame1": frame, "frame2": frame})["flow"]
    darker = network({"frame1": frame, "frame2": 0.7 * frame + 0.1})["flow"]
    other = network({"frame1": frame, "frame2": np.roll(frame, 3, axis=2)})["flow"]
    assert np.abs(darker - plain).max() < 0.1 * np.abs(other - plain).max()
