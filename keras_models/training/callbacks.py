"""Keras callbacks of flow training, on a `FlowTrainer`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_models.inference.estimators import get_estimator
from keras_models.losses.flow_metrics import flow_metrics
from keras_models.presets import Preset, is_preset, read_preset, save_preset
from pipelines.visualization.flow_color import flow_to_color


@contextmanager
def swapped_ema_weights(trainer: keras.Model) -> Iterator[None]:
    """Swap the exponential moving average of the weights, if there is one, into the network in the block."""
    optimizer = getattr(trainer.optimizer, "inner_optimizer", trainer.optimizer)  # below a loss scale
    if not optimizer.use_ema:
        yield
        return
    weights = trainer.network.get_weights()
    optimizer.finalize_variable_values(trainer.network.trainable_variables)
    try:
        yield
    finally:
        trainer.network.set_weights(weights)


class KeepBest(keras.callbacks.Callback):
    """Callback that saves the network as a preset whenever a metric has fallen.

    Args:
        folder: Folder of the run.
        preset: Network and recipe. The numbers saved with them are the metrics of the epoch.
        monitor: Name of the metric, which is better if it is less.
    """

    def __init__(self, folder: Path, preset: Preset, monitor: str):
        super().__init__()
        self._folder, self._preset, self._monitor = folder, preset, monitor
        # A run that is continued has its best so far in the folder.
        self._best = read_preset(folder).numbers[monitor] if is_preset(folder) else np.inf

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        if logs[self._monitor] < self._best:
            self._best = logs[self._monitor]
            numbers = {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
            about = Preset(self._preset.network, self._preset.recipe, numbers, self._preset.licence)
            with swapped_ema_weights(self.model):
                save_preset(self._folder, self.model.network, about)


class SwapEMAWeights(keras.callbacks.Callback):
    """Callback that swaps the exponential moving average of the weights in during validation."""

    def on_test_begin(self, logs: dict | None = None) -> None:  # noqa: D102
        self._swapped = swapped_ema_weights(self.model)
        self._swapped.__enter__()

    def on_test_end(self, logs: dict | None = None) -> None:  # noqa: D102
        self._swapped.__exit__(None, None, None)


class Backup(keras.callbacks.Callback):
    """Callback that saves what a killed run needs to continue: weights, the optimizer's state, the epoch.

    The latest checkpoint in the folder is restored at once.

    Args:
        folder: Folder of the checkpoints.
        trainer: Trainer whose optimizer is built.

    Attributes:
        epochs: Number of finished epochs.
    """

    def __init__(self, folder: Path, trainer: keras.Model):
        super().__init__()
        self._epochs = tf.Variable(0, dtype=tf.int64)
        checkpoint = tf.train.Checkpoint(
            network=trainer.network, optimizer=trainer.optimizer, epochs=self._epochs
        )
        self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1)
        if self._manager.latest_checkpoint:
            checkpoint.restore(self._manager.latest_checkpoint).assert_consumed()

    @property
    def epochs(self) -> int:  # noqa: D102
        return int(self._epochs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._epochs.assign(epoch + 1)
        self._manager.save()


class BaselineEPE(keras.callbacks.Callback):
    """Callback that adds the end-point error of DIS on the validation pairs, as `val_epe_dis`.

    Args:
        batches: Batches of the validation pairs, as `flow_batches` makes them.
    """

    def __init__(self, batches: tf.data.Dataset):
        super().__init__()
        dis, error = get_estimator("dis_medium"), flow_metrics()[0]
        for inputs, targets in batches:
            frames = [tf.image.convert_image_dtype(frame, tf.uint8).numpy() for frame in inputs.values()]
            flows = [dis(frame1, frame2)[0] for frame1, frame2 in zip(*frames, strict=True)]
            error.update_state(targets["flow"], np.stack(flows), targets["valid"] & targets["face"])
        self._epe = float(error.result())

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        logs["val_epe_dis"] = self._epe


class Throughput(keras.callbacks.Callback):
    """Callback that adds the throughput of training as `pairs_per_second`, validation not counted.

    Args:
        batch_size: Number of pairs in a step.
    """

    def __init__(self, batch_size: int):
        super().__init__()
        self._batch_size = batch_size

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._begin, self._steps = time.monotonic(), 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._steps += 1
        self._seconds = time.monotonic() - self._begin

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        logs["pairs_per_second"] = self._steps * self._batch_size / self._seconds


class StopAfter(keras.callbacks.Callback):
    """Callback that stops training after the epoch in which a time limit is exceeded.

    Args:
        max_minutes: Time limit in minutes.
    """

    def __init__(self, max_minutes: float):
        super().__init__()
        self._seconds = max_minutes * 60

    def on_train_begin(self, logs: dict | None = None) -> None:  # noqa: D102
        self._begin = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        if time.monotonic() - self._begin > self._seconds:
            self.model.stop_training = True


class FlowPictures(keras.callbacks.Callback):
    """Callback that shows the same pairs in TensorBoard after each epoch: frames, true and predicted flow.

    Args:
        folder: Folder of TensorBoard's files.
        batch: One batch, as `flow_batches` makes it.
        count: Number of pairs of the batch that are shown.
    """

    def __init__(self, folder: Path, batch: tuple[dict, dict], count: int = 3):
        super().__init__()
        self._writer = tf.summary.create_file_writer(str(folder))
        self._frames, self._targets = ({k: v[:count] for k, v in part.items()} for part in batch)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        predicted = self.model.network(self._frames, training=False)["flow"].numpy()
        pictures = [self._row(k, predicted[k]) for k in range(len(predicted))]
        with self._writer.as_default():
            tf.summary.image("frame 1, frame 2, truth, prediction", np.stack(pictures), step=epoch)

    def _row(self, k: int, predicted: np.ndarray) -> np.ndarray:
        frames = [(self._frames[name][k].numpy() * 255).astype(np.uint8) for name in ("frame1", "frame2")]
        true, valid = self._targets["flow"][k].numpy(), self._targets["valid"][k].numpy()
        longest = max(0.1, np.linalg.norm(true, axis=-1).max())
        flows = [flow_to_color(true, valid, longest), flow_to_color(predicted, max_length=longest)]
        return np.hstack(frames + flows)
