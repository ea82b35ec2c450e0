"""Train a flow network: `python -m keras_models.train_flow --data DATA --out RUN`, or `train_flow(...)`."""

import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.callbacks import FlowPictures, KeepBest, PlainProgress, StopAfter
from keras_models.flow_trainer import FlowTrainer
from keras_models.flow_training_config import FlowTrainingConfig
from keras_models.networks import build_network
from keras_models.presets import Preset, is_preset, load_network, read_preset
from pipelines.errors import InputError
from pipelines.files import check_outputs
from pipelines.inputs import InputConfig, flow_batches, open_source
from pipelines.splits import split_subjects


def train_flow(
    data: Path | str, out: Path | str, config: FlowTrainingConfig, start: Path | str | None = None
) -> keras.Model:
    """Train a flow network on records or on a pair folder.

    Writes into the run's folder: the best network as a preset (`presets.py`), `log.csv` with one row an
    epoch, and `tensorboard/` with curves and pictures.

    Args:
        data: folder of records or of pairs.
        out: the run's folder.
        config: how to train.
        start: a preset to continue from; its network is taken, and `config.network` and `.width` are not.

    Returns:
        The network with the best weights.

    Raises:
        InputError: for data or a configuration that cannot be trained on, or a loss that is not finite.
    """
    config.check()
    out = Path(out)
    if is_preset(out):
        raise InputError(f"{out}: there is a training run here already; choose another folder or remove it")
    check_outputs(out)
    keras.utils.set_random_seed(config.seed)

    source = open_source(data)
    training, validation = split_subjects(source.subjects, config.validation_share, config.seed)
    source, validation_source = source.only(training), source.only(validation)
    inputs = InputConfig(config.size, config.batch, config.label, config.margin, seed=config.seed)
    batches = flow_batches(source, inputs, training=True)
    validation_batches = flow_batches(validation_source, inputs, training=False) if validation else None
    if not len(batches):
        raise InputError(f"{data}: {len(source)} training pairs do not fill a batch of {config.batch}")

    description = read_preset(start).network if start else {"name": config.network, "width": config.width}
    with _precision(config.precision) as precision:
        trainer = FlowTrainer(load_network(start) if start else build_network(**description))
        steps = config.epochs * len(batches)
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
        trainer.compile(keras.optimizers.Adam(rate))
    print(
        f"{len(source)} pairs of {len(training)} subjects to train on, {len(validation_source)} of "
        f"{len(validation)} to validate; {trainer.network.count_params():,} weights, {precision}",
        flush=True,
    )

    recipe = asdict(config) | {"data": str(data), "start": start and str(start), "precision": precision}
    out.mkdir(parents=True, exist_ok=True)
    try:
        _fit(trainer, batches, validation_batches, config, out, Preset(description, recipe))
    except tf.errors.OpError as error:
        # From inside the input pipeline: a shard that is cut off, a pair with a damaged file.
        reason = str(error.message).strip().splitlines()[0]
        raise InputError(f"{data}: cannot be read to its end ({reason})") from error
    finally:
        if not is_preset(out):
            shutil.rmtree(out)  # empty logs, and nothing that was learned
    return load_network(out)


def _fit(
    trainer: FlowTrainer,
    batches: tf.data.Dataset,
    validation_batches: tf.data.Dataset | None,
    config: FlowTrainingConfig,
    out: Path,
    preset: Preset,
) -> None:
    on_terminal = sys.stdout.isatty()
    history = trainer.fit(
        batches,
        validation_data=validation_batches,
        epochs=config.epochs,
        verbose=1 if on_terminal else 0,
        callbacks=[
            keras.callbacks.TerminateOnNaN(),
            KeepBest(out, preset, "val_epe" if validation_batches else "epe"),
            keras.callbacks.CSVLogger(str(out / "log.csv")),
            keras.callbacks.TensorBoard(out / "tensorboard"),
            FlowPictures(out / "tensorboard" / "pictures", next(iter(validation_batches or batches))),
            *([] if on_terminal else [PlainProgress()]),
            *([StopAfter(config.minutes)] if config.minutes else []),
        ],
    )
    if not math.isfinite(history.history["loss"][-1]):
        raise InputError(
            f"{preset.recipe['data']}: the loss is not a finite number any more; lower learning_rate, or "
            "look at the data"
        )


@contextmanager
def _precision(name: str) -> Iterator[str]:
    """Build networks with a mixed-precision policy inside the block; yields the policy that was chosen."""
    if name == "auto":
        name = "mixed_float16" if tf.config.list_physical_devices("GPU") else "float32"
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(name)
    try:
        yield name
    finally:
        keras.mixed_precision.set_global_policy(before)


def main() -> None:
    """Run from the shell."""
    import tyro

    try:
        tyro.cli(train_flow, config=(tyro.conf.OmitArgPrefixes,))
    except InputError as error:
        sys.exit(f"train_flow: {error}")


if __name__ == "__main__":
    main()
