from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.block_flow import block_flow
from keras_models.presets import load_network
from keras_models.training.calibration.uncertainty_calibration import calibrate_uncertainty, fit_uncertainty
from keras_models.training.flow_training_config import FlowTrainingConfig
from keras_models.training.train_flow import train_flow
from pipelines.datasets.splits import split_subjects
from pipelines.training_data.input_pipeline import InputConfig, flow_batches
from pipelines.training_data.sources import open_source


@pytest.mark.parametrize(("offset", "power"), [(0.0, 1.0), (-0.6, 0.8), (0.9, 1.3)])
def test_the_fit_finds_what_errors_were_drawn_from(offset, power):
    random = np.random.default_rng(0)
    uncertainty = np.exp(random.uniform(-3, 1, 200_000))
    error = random.exponential(np.exp(offset) * uncertainty**power)
    np.testing.assert_allclose(fit_uncertainty(error, uncertainty), (offset, power), atol=0.02)


def batch(seed, size=64):
    random = np.random.default_rng(seed)
    frames = {name: random.random((2, size, size, 3), np.float32) for name in ("frame1", "frame2")}
    face = random.random((2, size, size)) > 0.4
    flow = random.normal(size=(2, size, size, 2)).astype(np.float32) * face[..., None]
    return frames, {"flow": flow, "valid": random.random((2, size, size)) > 0.1, "face": face}


def batches():
    parts = [batch(seed) for seed in range(2)]
    joined = tf.nest.map_structure(lambda *values: np.stack(values), *parts)
    return tf.data.Dataset.from_tensor_slices(joined)


def test_the_uncertainty_becomes_the_mean_error_of_the_face():
    network = block_flow(width=0.25)
    frames, targets = batch(0)
    before = network(frames)
    calibrate_uncertainty(network, batches())
    after = network(frames)
    np.testing.assert_array_equal(after["flow"], before["flow"])
    log = [np.log(found["uncertainty"]).ravel() for found in (before, after)]
    power, offset = np.polyfit(*log, 1)  # one function of it for all pixels
    np.testing.assert_allclose(log[1], offset + power * log[0], atol=1e-4)
    ratios = []
    for frames, targets in map(batch, range(2)):
        found, counted = network(frames), targets["face"] & targets["valid"]
        error = np.linalg.norm(found["flow"] - targets["flow"], axis=-1)
        ratios.append((error / found["uncertainty"][..., 0])[counted])
    # The likelihood of an exponential distribution is greatest where this mean is 1.
    assert np.concatenate(ratios).mean() == pytest.approx(1, abs=1e-3)


def test_pairs_without_a_face_change_nothing():
    network = block_flow(width=0.25)
    frames, targets = batch(0)
    before = network(frames)["uncertainty"]
    nobody = targets | {"face": np.zeros_like(targets["face"])}
    calibrate_uncertainty(network, tf.data.Dataset.from_tensors((frames, nobody)))
    np.testing.assert_array_equal(network(frames)["uncertainty"], before)


def test_errors_of_nothing_have_a_finite_fit():
    uncertainty = np.geomspace(0.1, 10, 1000)
    offset, power = fit_uncertainty(np.zeros(1000), uncertainty)
    np.testing.assert_allclose(np.exp(offset) * uncertainty**power, 1e-3, rtol=0.01)


def test_training_ends_with_it(pair_folder, tmp_path):
    config = FlowTrainingConfig(width=0.25, size=64, batch_size=4, epochs=1, steps_per_epoch=2, augment=False)
    config = replace(config, network="block_flow", num_flow_updates=1, validation_share=0.3, warmup_steps=0)
    trained = train_flow(pair_folder, tmp_path / "run", config)
    kept = load_network(tmp_path / "run")
    for ours, theirs in zip(kept.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    source = open_source(pair_folder)
    _, validation = split_subjects(source.subjects, config.validation_share, config.seed)
    calibrate_uncertainty(kept, flow_batches(source.only(validation), InputConfig(64, 4)))  # once more
    for again, before in zip(kept.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_allclose(again, before, atol=1e-4)
