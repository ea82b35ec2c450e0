"""Detection of training that diverges, and the batch at which it did."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from pipelines.errors import InputError
from pipelines.files import replacing

#: File of the batch at which training diverged.
BAD_BATCH = "bad_batch.npz"


def divergence_error(
    folder: Path | str,
    optimizer: keras.optimizers.Optimizer,
    step: int,
    what: str,
    batch: Mapping[str, np.ndarray],
    **more: np.ndarray,
) -> InputError:
    """Save the batch at which training diverged, and return the error that says why.

    Args:
        folder: Folder of the run; the batch is saved in it as `bad_batch.npz`.
        optimizer: Optimizer, which knows the learning rate.
        step: Number of the step, from 1 on.
        what: What diverged, for the message.
        batch: Frames and targets by name.
        **more: Further arrays to save, such as the loss.
    """
    path = Path(folder) / BAD_BATCH
    with replacing(path) as part:
        np.savez(part, **batch, **more)
    if bad := [name for name, values in batch.items() if not np.isfinite(values).all()]:
        return InputError(
            f"{path}: in this batch (step {step}) {what}, because {', '.join(bad)} has values that are not "
            "finite; repair the data"
        )
    rate = float(optimizer.learning_rate)
    return InputError(
        f"training diverged in step {step}: {what}; lower learning_rate ({rate:g} in that step). "
        f"All values of the batch are finite; it is saved in {path}"
    )


class NanGuard(keras.callbacks.Callback):
    """Callback that stops training of a `FlowTrainer` when a loss is NaN or infinite, and saves the batch.

    The batch is saved as `bad_batch.npz`: frames, targets and loss, by name. Nothing is copied from the
    device while the loss is finite. Steps compiled with XLA cannot call back, so there the end of the epoch
    detects it, and no batch is saved.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: From `fit`, after the step with that loss; it says whether data or weights are the cause.
    """

    def __init__(self, folder: Path | str):
        super().__init__()
        self._supports_tf_logs = True  # or Keras would fetch the metrics of every step for this callback
        self._folder = folder
        self._found: tuple[dict, np.ndarray] | None = None

    def set_model(self, model: keras.Model) -> None:  # noqa: D102
        super().set_model(model)
        model.on_bad_loss = self._keep

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._stop_if_bad()

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: D102
        self._stop_if_bad()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:  # noqa: D102
        loss = float(logs["loss"])
        if not np.isfinite(loss):
            raise InputError(
                f"training diverged in epoch {epoch + 1}: the loss is {loss}; lower learning_rate, or train "
                "without jit_compile to save the batch at which it happens"
            )

    def _keep(self, loss: np.ndarray, inputs: dict, targets: dict) -> None:
        self._found = self._found or (inputs | targets, loss)  # the first one

    def _stop_if_bad(self) -> None:
        if self._found:
            batch, loss = self._found
            optimizer = self.model.optimizer
            what = f"the loss is {loss}"
            raise divergence_error(self._folder, optimizer, int(optimizer.iterations), what, batch, loss=loss)
