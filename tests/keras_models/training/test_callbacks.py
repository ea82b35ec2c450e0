import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flow_model import FlowModel
from keras_models.layers.flow_layers import frame_inputs
from keras_models.presets import Preset, read_preset
from keras_models.training import callbacks as module
from keras_models.training.callbacks import (
    Backup,
    BaselineEPE,
    FlowPictures,
    KeepBest,
    StopAfter,
    SwapEMAWeights,
    Throughput,
)
from keras_models.training.flow_trainer import FlowTrainer

SIZE = 32


@pytest.fixture
def trainer():
    """Trains one convolution, whose flow is its bias at first."""
    inputs = frame_inputs()
    joined = keras.layers.Concatenate()(list(inputs.values()))
    flow = keras.layers.Conv2D(2, 1, kernel_initializer="zeros", name="flow0")(joined)
    outputs = {"flow0": flow, "flow": keras.layers.Rescaling(1.0)(flow)}
    return FlowTrainer(FlowModel(inputs, outputs, level_weights={"flow0": 1.0}))


def pairs(count=4, motion=(1.0, 0.0)):
    """Dots that move: batches of two pairs."""
    first = np.random.default_rng(0).random((count, SIZE, SIZE, 3)).astype(np.float32)
    second = np.roll(first, (int(motion[1]), int(motion[0])), axis=(1, 2))
    everywhere = np.ones((count, SIZE, SIZE), bool)
    targets = {"flow": np.float32(everywhere[..., None] * motion), "valid": everywhere, "face": everywhere}
    return tf.data.Dataset.from_tensor_slices(({"frame1": first, "frame2": second}, targets)).batch(2)


def bias(network):
    return network.get_layer("flow0").bias.numpy()


def test_the_best_epoch_is_kept(tmp_path, trainer):
    trainer.compile("sgd")
    keep = KeepBest(tmp_path / "run", Preset({"name": "x"}, {"seed": 3}), "val_epe")
    keep.set_model(trainer)
    for epoch, value in enumerate([0.5, 0.3, 0.4]):
        trainer.network.get_layer("flow0").bias.assign([epoch, epoch])
        keep.on_epoch_end(epoch, {"val_epe": value})
    about = read_preset(tmp_path / "run")
    assert about.numbers == {"epoch": 2, "val_epe": 0.3}
    assert about.recipe == {"seed": 3}
    trainer.network.load_weights(tmp_path / "run" / "network.weights.h5")
    np.testing.assert_array_equal(bias(trainer.network), [1, 1])
    # A run that is continued knows its best.
    again = KeepBest(tmp_path / "run", Preset({"name": "x"}), "val_epe")
    again.set_model(trainer)
    again.on_epoch_end(3, {"val_epe": 0.35})
    assert read_preset(tmp_path / "run").numbers["epoch"] == 2


def test_validation_sees_the_moving_average(trainer):
    """One step of SGD from 0, momentum 0.75: the average is a quarter of the way."""
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75)
    trainer.compile(optimizer)
    optimizer.build(trainer.network.trainable_variables)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_test_batch_begin(self, batch, logs=None):
            seen.append(bias(self.model.network))

        def on_epoch_end(self, epoch, logs=None):
            seen.append(bias(self.model.network))

    callbacks = [SwapEMAWeights(), Watch()]
    trainer.fit(pairs(2), validation_data=pairs(2), verbose=0, callbacks=callbacks)
    # The slope of the distance is 1.
    np.testing.assert_allclose(seen, [[0.25 * 0.1, 0], [0.1, 0]], atol=1e-6)


def test_dis_beside_the_validation():
    """OpenCV's DIS finds a whole pixel of motion nearly everywhere; zero flow would be off by 1."""
    logs = {"val_epe": 2.0}
    BaselineEPE(pairs()).on_epoch_end(0, logs)
    assert logs["val_epe"] == 2.0
    assert 0 < logs["val_epe_dis"] < 0.5


class Clock:
    """Stands in for `time`."""

    now = 0.0

    def monotonic(self):
        return self.now


def test_throughput_is_that_of_training_alone(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    throughput, logs = Throughput(batch_size=6), {}
    throughput.on_epoch_begin(0)
    for clock.now in (1.0, 2.0, 4.0):
        throughput.on_train_batch_end(0)
    clock.now = 100.0  # validation
    throughput.on_epoch_end(0, logs)
    assert logs == {"pairs_per_second": 3 * 6 / 4}


def test_training_stops_after_the_epoch_in_which_its_time_is_over(monkeypatch, trainer):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    stop = StopAfter(max_minutes=2)
    stop.set_model(trainer)
    stop.on_train_begin()
    stopped = []
    for clock.now in (60.0, 120.0, 121.0):
        stop.on_epoch_end(0)
        stopped.append(bool(trainer.stop_training))
    assert stopped == [False, False, True]


def test_a_backup_restores_weights_optimizer_and_epoch(tmp_path, trainer):
    def compiled(trainer):
        optimizer = keras.optimizers.Adam(0.1)
        trainer.compile(optimizer)
        optimizer.build(trainer.network.trainable_variables)
        return trainer

    compiled(trainer).fit(pairs(), epochs=2, verbose=0, callbacks=[Backup(tmp_path, trainer)])
    inputs, targets = next(iter(pairs()))
    other = FlowTrainer.from_config(trainer.get_config())
    backup = Backup(tmp_path, compiled(other))
    assert backup.epochs == 2
    assert int(other.optimizer.iterations) == 4
    for one in (trainer, other):
        one.train_on_batch(inputs, targets)  # by Adam's moments as well
    np.testing.assert_array_equal(bias(other.network), bias(trainer.network))


def test_pictures_show_frames_truth_and_prediction(tmp_path, trainer):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pictures = FlowPictures(tmp_path, next(iter(pairs())), count=2)
    pictures.set_model(trainer)
    trainer.network.get_layer("flow0").bias.assign([1, 0])  # the truth
    pictures.on_epoch_end(0)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (tag,) = events.Tags()["tensors"]
    strings = events.Tensors(tag)[0].tensor_proto.string_val
    assert strings[:2] == [str(4 * SIZE).encode(), str(SIZE).encode()]
    first, second, true, predicted = np.split(tf.io.decode_png(strings[2]).numpy(), 4, axis=1)
    frames, _ = next(iter(pairs()))
    np.testing.assert_allclose(first, frames["frame1"][0] * 255, atol=1)
    np.testing.assert_allclose(second, frames["frame2"][0] * 255, atol=1)
    np.testing.assert_array_equal(predicted, true)
