import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.layers.flow_layers import frame_inputs
from keras_models.losses.loss_mixes import MIXES, find_mix, paper_weights
from keras_models.training.flow_trainer import FlowTrainer
from pipelines.errors import InputError

LEVELS = ["flow1", "flow2", "flow3", "flow4"]


# Defect 3 of the paper's code: an if/if/else gives one experiment another's weights.
@pytest.mark.parametrize(
    ("name", "epe", "photometric", "angular", "smoothness"),
    [
        ("exp1", 1, 0, 0, 0),
        ("exp2i", 0.4, 0.6, 0, 0),
        ("exp2ii", 0.75, 0.25, 0, 0),
        ("exp3i", 0.3, 0.4, 0, 0.3),
        ("exp3ii", 0.3, 0.4, 0.3, 0),
    ],
)
def test_the_papers_experiments(name, epe, photometric, angular, smoothness):
    mix = find_mix(name)
    assert (mix.epe, mix.photometric, mix.angular, mix.smoothness) == (epe, photometric, angular, smoothness)
    assert mix.paper_levels


def test_five_sixths_on_the_final_level():
    order = ["flow4", "flow2", "flow2_1", "flow2_2", "flow1_1", "flow1_10", "flow1"]
    updates = paper_weights(sorted(order))
    assert sorted(updates, key=updates.get) == order
    weights = paper_weights(reversed(LEVELS))
    assert weights["flow1"] == pytest.approx(5 / 6)
    assert sum(weights.values()) == pytest.approx(1)
    assert list(weights.values()) == sorted(weights.values(), reverse=True)
    assert min(weights.values()) > 0


def test_unknown_mix():
    with pytest.raises(InputError, match="use one of: epe, robust, exp1"):
        find_mix("exp4")


def trainer_of(mix, background_weight=1.0):
    """Of a network that states the weights of its levels; what it estimates the tests make up."""
    inputs = frame_inputs()
    network = keras.Model(inputs, {"flow": keras.layers.Concatenate()(list(inputs.values()))})
    network.level_weights = {"flow1": 0.7, "flow2": 0.3}
    return FlowTrainer(network, mix, background_weight)


def loss(mix, flow, true, frames=None, valid=None, face=None, background_weight=1.0):
    """Loss of an estimate that is the same on every level and on the full grid."""
    outputs = {"flow": flow, **{f"flow{k}": flow[:, :: 2**k, :: 2**k] for k in (1, 2)}}
    valid, face = (
        tf.ones(flow.shape[:3], tf.bool) if mask is None else tf.constant(mask) for mask in (valid, face)
    )
    grey = tf.fill((*flow.shape[:3], 3), 0.5)
    frames = {"frame1": grey, "frame2": grey} if frames is None else frames
    targets = {"flow": true, "valid": valid, "face": face}
    return float(trainer_of(mix, background_weight).compute_loss(frames, targets, outputs))


def constant(u, v):
    return tf.ones((1, 16, 16, 2)) * tf.constant([u, v], tf.float32)


@pytest.mark.parametrize("name", list(MIXES))
def test_the_true_flow_of_an_even_picture_costs_nothing(name):
    assert loss(name, constant(1, 1), constant(1, 1)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("epe", 5),
        ("exp1", 5),
        ("exp2i", 0.4 * 5),
        ("exp2ii", 0.75 * 5),
        ("exp3i", 0.3 * 5),  # an even flow is smooth
        ("exp3ii", 0.3 * 5 + 0.3 * np.arccos(1 / np.sqrt(26))),
    ],
)
def test_mixes_by_hand(name, expected):
    """An even flow of (3, 4) where nothing moves, on an even picture: 5 px off, and by an angle."""
    assert loss(name, constant(3, 4), constant(0, 0)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", list(MIXES))
def test_the_finest_level_counts(name):
    """Defect 2 of the paper's code drops its loss by a repeated dictionary key."""
    trainer = trainer_of(name)
    grey = tf.fill((1, 16, 16, 3), 0.5)
    everywhere = tf.ones((1, 16, 16), tf.bool)
    targets = {"flow": constant(0, 0), "valid": everywhere, "face": everywhere}
    levels = {"flow1": tf.Variable(constant(3, 4)[:, ::2, ::2]), "flow2": constant(0, 0)[:, ::4, ::4]}
    with tf.GradientTape() as tape:
        total = trainer.compute_loss(
            {"frame1": grey, "frame2": grey}, targets, {"flow": constant(0, 0), **levels}
        )
    assert np.abs(tape.gradient(total, levels["flow1"])).min() > 0


def test_photometric_term_by_hand():
    """Brightness that rises by 51 of 255 from frame 1 to frame 2 costs 51 - 1/2 by Huber's function."""
    frames = {"frame1": tf.fill((1, 16, 16, 3), 0.2), "frame2": tf.fill((1, 16, 16, 3), 0.4)}
    assert loss("exp2i", constant(0, 0), constant(0, 0), frames) == pytest.approx(0.6 * 50.5, rel=1e-5)


@pytest.mark.parametrize("name", list(MIXES))
def test_what_is_masked_costs_nothing(name):
    """In each term: estimates and pictures that are wrong where the mask is false."""
    valid = np.ones((1, 16, 16), bool)
    valid[:, :8] = False
    wrong = tf.where(valid[..., None], constant(0, 0), 9.0 * tf.random.normal((1, 16, 16, 2), seed=0))
    frames = {"frame1": tf.fill((1, 16, 16, 3), 0.5), "frame2": tf.where(valid[..., None], 0.5, 1.0)}
    frames["frame2"] = tf.cast(frames["frame2"] * tf.ones((1, 16, 16, 3)), tf.float32)
    assert loss(name, wrong, constant(0, 0), frames, valid) == pytest.approx(0, abs=1e-5)
    assert loss(name, wrong, constant(0, 0), frames) > 0.1


@pytest.mark.parametrize("name", ["epe", "exp2i"])
def test_the_background_counts_less(name):
    """Wrong by the same everywhere outside of the left half, the face: by hand, its share of the weights."""
    face = np.zeros((1, 16, 16), bool)
    face[:, :, :8] = True
    frames = {"frame1": tf.fill((1, 16, 16, 3), 0.5)}
    frames["frame2"] = frames["frame1"] + tf.cast(~face[..., None], tf.float32) * 0.3
    flow = tf.where(face[..., None], constant(0, 0), constant(3, 4))
    arguments = name, flow, constant(0, 0), frames, None, face
    alike = loss(*arguments, background_weight=1.0)
    assert alike > 1
    assert loss(*arguments, background_weight=0.0) == pytest.approx(0, abs=1e-5)
    if name == "epe":  # 5 px wrong on all levels
        assert alike == pytest.approx(2.5)
        assert loss(*arguments, background_weight=0.25) == pytest.approx(5 * 0.25 / 1.25)


def test_the_loss_of_a_validation_is_the_mean_over_its_pairs():
    """Eight pairs that are right, and a last batch of one that is 8 px off."""
    trainer = trainer_of("epe")
    for pairs, off in ((8, 0.0), (1, 8.0)):
        flow = tf.tile(constant(off, 0), [pairs, 1, 1, 1])
        everywhere = tf.ones((pairs, 16, 16), tf.bool)
        outputs = {"flow": flow, **{f"flow{k}": flow[:, :: 2**k, :: 2**k] for k in (1, 2)}}
        grey = tf.fill((pairs, 16, 16, 3), 0.5)
        targets = {"flow": tf.zeros_like(flow), "valid": everywhere, "face": everywhere}
        trainer.compute_loss({"frame1": grey, "frame2": grey}, targets, outputs)
    assert float(trainer.metrics[0].result()) == pytest.approx(8 / 9, rel=1e-4)
