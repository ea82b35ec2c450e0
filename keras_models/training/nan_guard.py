"""Training that stops at the first loss that is not a number, and keeps the batch that gave it."""

from pathlib import Path

import keras
import numpy as np

from pipelines.errors import InputError
from pipelines.files import replacing

#: File of the batch at which training broke.
BAD_BATCH = "bad_batch.npz"


class NanGuard(keras.callbacks.Callback):
    """Stops training of a `FlowTrainer` by an `InputError` when a loss is NaN or infinite.

    The batch is written as `bad_batch.npz`: the frames, the targets and the loss, under their names. Nothing
    is copied from the device as long as the loss is finite. Under XLA, which cannot call back from a step,
    the end of the epoch notices, and there is no batch.

    Args:
        folder: of the run.

    Raises:
        InputError: from `fit`, in the step after the loss; it says whether the batch or the weights are bad.
    """

    def __init__(self, folder: Path | str):
        super().__init__()
        self._supports_tf_logs = True  # or Keras would fetch the numbers of every step for this callback
        self._path = Path(folder) / BAD_BATCH
        self._why: str | None = None

    def set_model(self, model: keras.Model) -> None:  # noqa: D102
        super().set_model(model)
        model.on_bad_loss = self._keep

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._stop_if_bad()

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._stop_if_bad()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        if not np.isfinite(float(logs["loss"])):
            raise InputError(
                f"the loss is not a finite number any more in epoch {epoch + 1}; lower learning_rate, or "
                "train without XLA to see the batch"
            )

    def _keep(self, loss: np.ndarray, inputs: dict, targets: dict) -> None:
        if self._why:
            return  # the first one is the one to look at
        arrays = inputs | targets
        with replacing(self._path) as part:
            np.savez(part, loss=loss, **arrays)
        bad = [name for name, values in arrays.items() if not np.isfinite(values).all()]
        self._why = (
            f"{', '.join(bad)} in it hold values that are not finite; mend the data"
            if bad
            else "all values in it are finite, so the weights are not; lower learning_rate"
        )

    def _stop_if_bad(self) -> None:
        if self._why:
            raise InputError(f"{self._path}: the batch at which the loss became NaN or infinite; {self._why}")
