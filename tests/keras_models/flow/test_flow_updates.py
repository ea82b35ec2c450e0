"""What networks with flow updates have in common."""

import numpy as np
import pytest

from keras_models.flow.block_flow import block_flow
from keras_models.flow.pyramid_flow import pyramid_flow


@pytest.mark.parametrize("build", [block_flow, pyramid_flow])
def test_weights_do_not_depend_on_the_number_of_updates(build):
    """One update more continues from where the others ended."""
    frames = {
        name: np.random.default_rng(k).random((1, 64, 64, 3), np.float32)
        for k, name in enumerate(("frame1", "frame2"))
    }
    few, more = (build(width=0.25, num_coarse_flow_updates=1, num_flow_updates=count) for count in (2, 3))
    coarser = build(width=0.25, num_coarse_flow_updates=2, num_flow_updates=2)
    for network in (more, coarser):
        network.set_weights(few.get_weights())
    first, second, third = few(frames), more(frames), coarser(frames)
    coarsest = max(name for name in first if name.endswith("_1"))
    np.testing.assert_allclose(third[coarsest], first[coarsest], atol=1e-5)
    assert np.abs(third["flow1"] - first["flow1"]).max() > 1e-5
    np.testing.assert_allclose(second["flow1_2"], first["flow1"], atol=1e-5)
    assert np.abs(second["flow1"] - first["flow1"]).max() > 1e-5
    for network in (few, more, coarser):
        assert sum(network.level_weights.values()) == pytest.approx(1)
        assert set(network.level_weights) == set(network(frames)) - {"flow", "uncertainty"}
