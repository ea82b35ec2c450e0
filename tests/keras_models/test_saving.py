"""Everything that Keras saves: networks, classifiers, layers, metrics, the trainer and its optimizer.

Each goes through `get_config`, `from_config`, a `.keras` file and one more step of training.
"""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_models
from keras_models.expression.expression_networks import CLASSIFIERS, build_classifier
from keras_models.expression.mirror_net import Mirror
from keras_models.flow.block_flow import SplitFrames
from keras_models.flow.flow_model import FlowModel
from keras_models.flow.flow_networks import NETWORKS, build_network
from keras_models.layers.block_flow_layers import ExpectedFlow, FinerFlow, PartsToPlaces, SplitBlocks
from keras_models.layers.block_lucas_kanade import BlockLucasKanade, BlockPixels, BlockStructureTensor
from keras_models.layers.correlation import Correlation
from keras_models.layers.ensemble import EnsembleConvPool, EnsembleDense
from keras_models.layers.flow_layers import (
    Enlarge,
    Float32Layer,
    FullResolutionFlow,
    PadToMultiple,
    StopGradient,
    Warp,
)
from keras_models.layers.frame_blocks import BlockContrast, FrameBlocks, HalveBlocks
from keras_models.layers.pyramid_layers import (
    BilinearTable,
    DepthToSpace,
    LocalContrast,
    LucasKanade,
    SpaceToDepth,
    StructureTensor,
    UnitFeatures,
)
from keras_models.layers.shared_input_dense import SharedInputDense
from keras_models.losses.flow_metrics import flow_metrics
from keras_models.training.flow_optimizer import FlowAdamW
from keras_models.training.flow_trainer import FlowTrainer
from keras_models.training.precision_policy import precision_policy


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def frames(size=64):
    return {"frame1": numbers(2, size, size, 3), "frame2": numbers(2, size, size, 3, seed=1)}


def flow_targets(size=64):
    everywhere = np.ones((2, size, size), bool)
    return {"flow": numbers(2, size, size, 2, seed=2), "valid": everywhere, "face": everywhere}


def assert_same(found, expected):
    """Equal arrays; of several outputs Keras makes a list where there was a tuple."""
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def run_saving_test(model, inputs, path, step):
    """Take a model through Keras' saving; `step` trains a model by one step and returns its loss."""
    expected = model(inputs)
    config = keras.saving.serialize_keras_object(model)
    assert config["registered_name"] in ("Functional", f"faceflow>{type(model).__name__}")
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert_same(copy(inputs), expected)
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    assert_same(loaded(inputs), expected)
    np.testing.assert_allclose(step(loaded), step(model), rtol=1e-5)
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    return loaded


def flow_step(network):
    """Train by one step, for which the loaded network needs its level weights."""
    keras.utils.set_random_seed(0)
    trainer = FlowTrainer(network, "robust")
    trainer.compile("sgd")
    return trainer.train_on_batch(frames(), flow_targets(), return_dict=True)["loss"]


# One update has all layers that three have.
ONE_UPDATE = {"num_flow_updates": 1, "num_coarse_flow_updates": 1}
NETWORK_CASES = [
    pytest.param(
        {"name": name} | (ONE_UPDATE if name in ("pyramid_flow", "block_flow") else {}),
        marks=pytest.mark.slow if name == "flownet_c" else (),
        id=name,
    )
    for name in NETWORKS
]
NETWORK_CASES.append(pytest.param({"name": "flownet_s", "num_flow_updates": 2}, id="flownet_s, 2 updates"))


@pytest.mark.parametrize("network", NETWORK_CASES)
def test_flow_networks(tmp_path, network):
    keras.utils.set_random_seed(0)
    model = build_network(**network, width=0.0625)
    loaded = run_saving_test(model, frames(), tmp_path / "network.keras", flow_step)
    assert loaded.level_weights == model.level_weights
    assert len(loaded.level_weights) >= 3


def test_a_network_keeps_its_precision(tmp_path):
    with precision_policy("mixed_bfloat16"):
        model = build_network("pyramid_flow", width=0.25, **ONE_UPDATE)
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert any(layer.compute_dtype == "bfloat16" for layer in loaded.layers)
    np.testing.assert_array_equal(loaded(frames())["flow"], model(frames())["flow"])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(tmp_path, name):
    def step(model):
        keras.utils.set_random_seed(0)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.train_on_batch(numbers(4, 28, 28, 3), np.array([[0, 1], [1, 2], [2, 0], [0, 0]]))

    model = build_classifier(name, ensemble_size=2)
    run_saving_test(model, numbers(4, 28, 28, 3), tmp_path / "classifier.keras", step)


@pytest.mark.parametrize("loss", ["epe", "exp3i"])
def test_the_trainer_continues_where_it_was_saved(tmp_path, loss):
    """With its loss, and with its optimizer's moments, average and variables without weight decay."""

    def step(trainer):
        return trainer.train_on_batch(frames(), flow_targets(), return_dict=True)["loss"]

    keras.utils.set_random_seed(0)
    trainer = FlowTrainer(build_network("flownet_s", width=0.0625), loss, background_weight=0.25)
    trainer.compile(FlowAdamW(1e-3, weight_decay=0.1, use_ema=True))
    step(trainer)
    loaded = run_saving_test(trainer, frames(), tmp_path / "trainer.keras", step)
    assert loaded.get_config().keys() == trainer.get_config().keys()
    assert loaded.get_config()["loss"] == loss
    assert loaded.get_config()["background_weight"] == 0.25
    for ours, theirs in zip(loaded.optimizer.variables, trainer.optimizer.variables, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    decayed = {
        weight.name for weight in loaded.trainable_weights if loaded.optimizer._use_weight_decay(weight)
    }
    assert decayed == {weight.name for weight in loaded.trainable_weights if "bias" not in weight.name}


def grid(*channels, size=32, factor=1):
    """Inputs of a layer on a grid."""
    made = [numbers(1, size // factor, size // factor, count, seed=k) for k, count in enumerate(channels)]
    return made[0] if len(made) == 1 else tuple(made)


#: Layers with arguments that are not the defaults, and their inputs.
LAYERS = [
    (PadToMultiple(48), grid(3)),
    (FullResolutionFlow(48, 1.0), (numbers(1, 12, 12, 2), *(numbers(1, 32, 32, 3),) * 2)),
    (Enlarge(3), grid(2)),
    (Warp(2.0), grid(4, 2)),
    (Correlation(radius=4, stride=2), grid(8, 8)),
    (LocalContrast(), grid(3)),
    (UnitFeatures(), grid(8)),
    (StructureTensor(), grid(1)),
    (BilinearTable(), grid(1)),
    (
        LucasKanade(),
        (numbers(1, 8, 8, 48), 1 + numbers(1, 8, 8, 9), numbers(1, 32, 32, 4), numbers(1, 16, 16, 2)),
    ),
    (SpaceToDepth(), grid(3)),
    (DepthToSpace(), grid(8)),
    (FrameBlocks(16), grid(3)),
    (BlockContrast(), grid(16)),
    (HalveBlocks(), grid(16)),
    (BlockPixels(), grid(16)),
    (BlockStructureTensor(stride=2), grid(16)),
    (
        BlockLucasKanade(stride=2),
        (
            *(numbers(1, 8, 8, 16), numbers(1, 40, 40, 1), numbers(1, 8, 8, 32), numbers(1, 8, 8, 12)),
            *(numbers(1, 4, 4, 12), numbers(1, 8, 8, 1), numbers(1, 8, 8, 8)),
        ),
    ),
    (PartsToPlaces(4), grid(32)),
    (ExpectedFlow(4), grid(81)),
    (SplitBlocks(), grid(32)),
    (FinerFlow(), grid(8)),
    (SplitFrames(), numbers(4, 8, 8, 3)),
    (StopGradient(), grid(3)),
    (EnsembleConvPool(ensemble_size=2, streams=(3, 5)), grid(3)),
    (EnsembleDense(4, "relu"), numbers(3, 2, 5)),
    (SharedInputDense(2, 4, "relu"), numbers(3, 5)),
    (Mirror(), grid(3)),
]


@pytest.mark.parametrize(("layer", "inputs"), LAYERS, ids=lambda value: type(value).__name__)
def test_layers(tmp_path, layer, inputs):
    def step(model):
        model.compile("sgd")
        with tf.GradientTape() as tape:
            loss = tf.add_n([tf.reduce_mean(tf.square(y)) for y in tf.nest.flatten(model(inputs))])
        if weights := model.trainable_weights:
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return float(loss)

    entries = tf.nest.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    model = keras.Model(entries, layer(entries))
    loaded = run_saving_test(model, inputs, tmp_path / "layer.keras", step)
    assert type(layer) in {type(one) for one in loaded.layers}
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("metric", flow_metrics(), ids=lambda metric: metric.name)
def test_metrics(metric):
    flows = numbers(2, 8, 8, 2), numbers(2, 8, 8, 2, seed=1)
    valid = numbers(2, 8, 8) > 0.5
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    plain = type(metric).from_config(metric.get_config())
    for one in (metric, again, plain):
        one.update_state(*flows, valid)
        assert one.name == metric.name
        np.testing.assert_array_equal(one.result(), metric.result())


def test_all_that_can_be_saved_is_in_a_case_above():
    """Every class of Keras that the package defines is registered, and a new one must be entered here."""
    found = set()
    for module in pkgutil.walk_packages(keras_models.__path__, "keras_models."):
        if ".presets." not in module.name:
            for _, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                saved = (
                    keras.layers.Layer,
                    keras.metrics.Metric,
                    keras.losses.Loss,
                    keras.optimizers.Optimizer,
                )
                if issubclass(value, saved) and value.__module__ == module.name and value is not Float32Layer:
                    found.add(value)
    tested = {type(layer) for layer, _ in LAYERS} | {type(metric) for metric in flow_metrics()}
    assert tested | {FlowModel, FlowTrainer, FlowAdamW} == found
    for value in found:
        assert keras.saving.get_registered_name(value) == f"faceflow>{value.__name__}"


LOAD = """
import sys, keras, numpy as np, {module}
model = keras.saving.load_model(sys.argv[1])
inputs = dict(np.load(sys.argv[2]))
found = model(inputs if len(inputs) > 1 else inputs["features"])
np.save(sys.argv[3], found["flow"] if isinstance(found, dict) else found)
"""


@pytest.mark.parametrize(
    ("module", "build", "inputs"),
    [
        (
            "keras_models.flow.flow_networks",
            lambda: build_network("pyramid_flow", width=0.25, **ONE_UPDATE),
            frames(),
        ),
        (
            "keras_models.expression.expression_networks",
            lambda: build_classifier("mirror_net"),
            {"features": numbers(4, 28, 28, 3)},
        ),
    ],
)
def test_loading_in_another_process(tmp_path, module, build, inputs):
    """Importing the networks registers all that their files name."""
    model = build()
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "inputs.npz", **inputs)
    files = [str(tmp_path / name) for name in ("model.keras", "inputs.npz", "found.npy")]
    subprocess.run([sys.executable, "-c", LOAD.format(module=module), *files], check=True)
    found = model(inputs)["flow"] if len(inputs) > 1 else model(inputs["features"])
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), found, atol=1e-6)
