import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.layers.flow_layers import frame_inputs
from keras_models.training.flow_trainer import FlowTrainer
from keras_models.training.nan_guard import NanGuard
from pipelines.errors import InputError


def batches(count, bad=None):
    random = np.random.default_rng(0)
    frames = {key: random.random((count, 8, 8, 3)).astype(np.float32) for key in ("frame1", "frame2")}
    targets = {
        "flow": random.random((count, 8, 8, 2)).astype(np.float32),
        "valid": np.ones((count, 8, 8), bool),
        "face": np.ones((count, 8, 8), bool),
    }
    if bad is not None:
        targets["flow"][bad, 5, 6, 1] = np.nan
    return frames | targets, tf.data.Dataset.from_tensor_slices((frames, targets)).batch(1)


@pytest.fixture
def trainer():
    """Trains one convolution."""
    keras.utils.set_random_seed(0)
    inputs = frame_inputs()
    flow = keras.layers.Conv2D(2, 3, padding="same")(keras.layers.Concatenate()(list(inputs.values())))
    network = keras.Model(inputs, {"flow0": flow, "flow": keras.layers.Rescaling(1.0)(flow)})
    network.level_weights = {"flow0": 1.0}
    made = FlowTrainer(network)
    made.compile("sgd")
    return made


def test_the_bad_batch_is_saved_and_named(tmp_path, trainer):
    arrays, dataset = batches(3, bad=1)
    with pytest.raises(
        InputError, match=r"bad_batch\.npz: in this batch \(step 2\) the loss is nan, because flow has"
    ):
        trainer.fit(dataset, verbose=0, callbacks=[NanGuard(tmp_path)])
    assert int(trainer.optimizer.iterations) == 2  # the third is not trained on any more
    kept = np.load(tmp_path / "bad_batch.npz")
    assert np.isnan(kept["loss"])
    for key, values in arrays.items():
        np.testing.assert_array_equal(kept[key], values[1:2])


def test_weights_that_run_away(tmp_path, trainer):
    trainer.compile(keras.optimizers.SGD(1e30))
    with pytest.raises(InputError, match=r"diverged in step \d+: the loss is .*lower learning_rate \(1e\+30"):
        trainer.fit(batches(4)[1], verbose=0, callbacks=[NanGuard(tmp_path)])


def test_a_bad_batch_of_the_validation(tmp_path, trainer):
    with pytest.raises(InputError, match=r"bad_batch\.npz"):
        trainer.fit(
            batches(1)[1], validation_data=batches(2, bad=0)[1], verbose=0, callbacks=[NanGuard(tmp_path)]
        )


def test_sound_training_is_left_alone(tmp_path, trainer):
    history = trainer.fit(batches(2)[1], verbose=0, callbacks=[NanGuard(tmp_path)])
    assert np.isfinite(history.history["loss"]).all()
    assert not any(tmp_path.iterdir())
