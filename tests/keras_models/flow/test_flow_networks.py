"""What every network of `NETWORKS` must do; a new one is tested by being entered there."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flow_networks import NETWORKS, build_network
from keras_models.layers.flow_layers import size_multiple
from keras_models.presets import Preset, load_network, save_preset
from keras_models.training.flow_trainer import FlowTrainer
from pipelines.errors import InputError

#: Every network, and FlowNetS with several flow updates, which is a graph of its own.
CASES = {name: {"name": name} for name in NETWORKS}
CASES["flownet_s, 3 updates"] = {"name": "flownet_s", "num_flow_updates": 3}

# FlowNetS: ClementPinard/FlowNetPytorch. FlowNetC: NVIDIA/flownet2-pytorch notes 39,175,298 in
# networks/FlowNetC.py, with two biases in each of the four layers that carry the flow up, and with those
# biases in the decoder by which the two published versions of FlowNetS differ. FaceFlowNet has no published
# number, nor has PyramidFlow; the tests of their own count them layer by layer.
PARAMETERS = {
    "flownet_s": 38_675_536,
    "flownet_s, 3 updates": 38_675_536,
    "flownet_c": 39_175_298 - 8 - (38_676_506 - 38_675_536),
    "face_flownet": 49_437_364,
    "pyramid_flow": 449_474,
    "block_flow": 144_081,
}


def small(case):
    """Narrow enough for a test."""
    keras.utils.set_random_seed(0)
    return build_network(**CASES[case], width=0.0625)


def frames(*shape, seed=0):
    first, second = np.random.default_rng(seed).random((2, *shape, 3)).astype(np.float32)
    return {"frame1": first, "frame2": second}


#: Networks that estimate their error, and how far their correlation finds motion, pixels.
REACH = {"pyramid_flow": 64, "block_flow": 32}

# Its 441 shifts take seconds to build, in every test again; its own tests are always run.
SLOW = {"flownet_c"}


@pytest.fixture(
    scope="module",
    params=[pytest.param(case, marks=pytest.mark.slow if case in SLOW else ()) for case in CASES],
)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def network(case):
    """Predictions start near zero; these are large enough to tell answers apart."""
    model = small(case)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.name.startswith("predict"):
            layer.kernel.assign(tf.random.normal(layer.kernel.shape, stddev=0.02, seed=1))
    return model


def test_number_of_parameters(case):
    assert build_network(**CASES[case]).count_params() == PARAMETERS[case]


@pytest.mark.parametrize("shape", [(64, 128), (127, 253), (84, 84), (1, 1)])
def test_any_size_in_the_same_size_out(network, shape):
    outputs = network(frames(2, *shape))
    assert outputs["flow"].shape == (2, *shape, 2)
    multiple = size_multiple(network)
    padded = [-(-side // multiple) * multiple for side in shape]
    for level in set(outputs) - {"flow", "uncertainty"}:
        factor = 2 ** int(level.removeprefix("flow").partition("_")[0])
        assert outputs[level].shape == (2, padded[0] // factor, padded[1] // factor, 2)
    for flow in outputs.values():
        assert flow.dtype == tf.float32
        assert np.isfinite(flow).all()


def test_padding_does_not_move_the_answer(network):
    """A picture with its border continued by hand to the padded size gives the same flow inside."""
    given = frames(1, 100, 120)
    multiple = size_multiple(network)
    sides = [(0, 0), *((m // 2, m - m // 2) for m in (-100 % multiple, -120 % multiple)), (0, 0)]
    by_hand = {name: np.pad(frame, sides, mode="edge") for name, frame in given.items()}
    alone, padded = (network(pair)["flow"].numpy() for pair in (given, by_hand))
    assert np.abs(alone).max() > 0.05
    (top, _), (left, _) = sides[1:3]
    np.testing.assert_allclose(alone, padded[:, top : top + 100, left : left + 120], atol=1e-4)


def test_a_pair_does_not_depend_on_the_rest_of_its_batch(network):
    pairs = frames(3, 64, 64)
    one = network({name: frame[1:2] for name, frame in pairs.items()})["flow"]
    np.testing.assert_allclose(network(pairs)["flow"][1:2], one, atol=1e-4)


def test_the_order_of_the_frames_matters(network):
    pair = frames(1, 64, 64)
    swapped = {"frame1": pair["frame2"], "frame2": pair["frame1"]}
    assert np.abs(network(pair)["flow"] - network(swapped)["flow"]).max() > 1e-3


def test_no_motion_of_frames_of_one_colour(case, network):
    """One textured pair in the batch, and pairs of which one frame or both have one colour."""
    pair = frames(4, 80, 64)
    for frame, blank in (("frame1", 1), ("frame2", 2), ("frame1", 3), ("frame2", 3)):
        pair[frame][blank] = [0.2, 0.4, 0.6]
    found = {name: value.numpy() for name, value in network(pair).items()}
    assert found["flow"][0].any()
    assert not found["flow"][1:].any()
    assert ("uncertainty" in found) == (case in REACH)
    if case in REACH:
        np.testing.assert_allclose(found["uncertainty"][1:], REACH[case], rtol=1e-5)
        assert found["uncertainty"][0].max() < 16


@pytest.mark.parametrize("name", REACH)
def test_flow_does_not_learn_from_the_uncertainty(name):
    model = small(name)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(frames(1, 64, 64))["uncertainty"])
    slopes = tape.gradient(total, model.trainable_weights)
    learns = [w.name for w, slope in zip(model.trainable_weights, slopes, strict=True) if slope is not None]
    assert learns
    assert all(name.startswith("uncertainty") for name in learns)


def test_levels_and_their_weights(network):
    """The finest level counts most: some public code has it the other way round."""
    weights = network.level_weights
    levels = sorted(set(network.output) - {"flow", "uncertainty"})
    assert set(weights) <= set(levels)
    assert sum(weights.values()) == pytest.approx(1)
    assert weights[levels[0]] == max(weights.values())
    assert weights[levels[0]] > weights[levels[-1]]


def test_a_fresh_network_says_almost_no_motion_and_every_weight_learns(case):
    trainer = FlowTrainer(small(case))
    pair = frames(2, 64, 64)
    everywhere = tf.ones((2, 64, 64), tf.bool)
    targets = {"flow": tf.ones((2, 64, 64, 2)), "valid": everywhere, "face": everywhere}
    with tf.GradientTape() as tape:
        outputs = trainer(pair, training=True)
        loss = trainer.compute_loss(pair, targets, outputs)
    assert max(np.abs(outputs[level]).max() for level in trainer.network.level_weights) < 0.5
    weights = trainer.trainable_weights
    for weight, slope in zip(weights, tape.gradient(loss, weights), strict=True):
        assert slope is not None, weight.name
        assert np.isfinite(slope).all(), weight.name
        assert np.abs(slope).max() > 0, weight.name


def test_flow_is_float32_under_mixed_precision(case, network):
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = small(case)
    finally:
        keras.mixed_precision.set_global_policy(before)
    assert any(layer.compute_dtype == "bfloat16" for layer in model.layers)
    model.set_weights(network.get_weights())
    pairs = frames(4, 64, 64)  # of a single one the coarsest estimate, one number, can be 0 by chance
    outputs, expected = model(pairs), network(pairs)
    for level, flow in outputs.items():
        assert flow.dtype == tf.float32
        np.testing.assert_allclose(flow, expected[level], atol=0.1 * np.abs(expected[level]).max())


def test_training_and_answering_agree(network):
    """The correlation that learns and the one that answers are two operations."""
    pair = frames(1, 64, 64)
    for level, flow in network(pair, training=True).items():
        np.testing.assert_allclose(flow, network(pair, training=False)[level], atol=1e-4)


def test_saved_and_loaded(tmp_path, case, network):
    save_preset(tmp_path, network, Preset(CASES[case] | {"width": 0.0625}))
    again, pair = load_network(tmp_path), frames(1, 70, 50)
    assert again.level_weights == network.level_weights
    np.testing.assert_array_equal(again(pair)["flow"], network(pair)["flow"])


def test_a_classifier_is_no_flow_network():
    with pytest.raises(InputError, match="holds a classifier of expressions, not a flow network"):
        load_network("expression")


def test_unknown_network():
    with pytest.raises(InputError, match="use one of: flownet_s, flownet_c, face_flownet, pyramid_flow"):
        build_network("flownet_x")
