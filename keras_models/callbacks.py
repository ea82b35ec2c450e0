"""Keras callbacks of flow training."""

import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_models.presets import Preset, save_preset
from pipelines.flow_colour import flow_to_colour


class KeepBest(keras.callbacks.Callback):
    """Saves the network as a preset whenever the watched number has fallen.

    Args:
        folder: of the run.
        preset: network and recipe; the numbers are those of the epoch.
        monitor: name of the number, `val_epe` or, without validation, `epe`.
    """

    def __init__(self, folder: Path, preset: Preset, monitor: str):
        super().__init__()
        self._folder, self._preset, self._monitor = folder, preset, monitor
        self._best = np.inf

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        if logs[self._monitor] < self._best:
            self._best = logs[self._monitor]
            numbers = {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
            about = Preset(self._preset.network, self._preset.recipe, numbers, self._preset.licence)
            save_preset(self._folder, self.model.network, about)


class StopAfter(keras.callbacks.Callback):
    """Ends training with the epoch in which a time has run out.

    Args:
        minutes: the time.
    """

    def __init__(self, minutes: float):
        super().__init__()
        self._seconds = minutes * 60

    def on_train_begin(self, logs: dict | None = None) -> None:  # noqa: D102
        self._begin = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        if time.monotonic() - self._begin > self._seconds:
            self.model.stop_training = True


class FlowPictures(keras.callbacks.Callback):
    """Shows TensorBoard the same pairs after every epoch: both frames, true and predicted flow.

    Args:
        folder: of TensorBoard's files.
        batch: one batch of `flow_batches`.
        count: how many pairs of it to show.
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
        flows = [flow_to_colour(true, valid, longest), flow_to_colour(predicted, max_length=longest)]
        return np.hstack(frames + flows)


class PlainProgress(keras.callbacks.Callback):
    """One line an epoch, for logs; on a terminal Keras draws its own bar."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        numbers = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"epoch {epoch + 1}/{self.params['epochs']}  {numbers}", flush=True)
