"""Train a flow network; `python -m keras_models.training.train_flow --help` lists the settings."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.flow.flow_networks import build_network
from keras_models.layers.correlation import Correlation
from keras_models.layers.flow_layers import size_multiple
from keras_models.presets import Preset, is_preset, load_network, load_weights, read_preset
from keras_models.training.callbacks import (
    Backup,
    FlowPictures,
    KeepBest,
    PlainProgress,
    Rival,
    StopAfter,
    Throughput,
    ValidateAverage,
)
from keras_models.training.distribution import check_batch, choose_strategy, is_chief, shared_batches
from keras_models.training.flow_trainer import FlowTrainer
from keras_models.training.flow_training_config import OF_SOME_NETWORKS, FlowTrainingConfig
from keras_models.training.nan_guard import BAD_BATCH, NanGuard
from pipelines.datasets.splits import split_subjects
from pipelines.errors import InputError
from pipelines.files import check_outputs
from pipelines.training_data.input_pipeline import InputConfig, flow_batches, training_batches
from pipelines.training_data.sources import open_source

_BACKUP = "backup"


def train_flow(
    data: Path | str, out: Path | str, config: FlowTrainingConfig, start: Path | str | None = None
) -> keras.Model:
    """Train a flow network on records, on a pair folder or on faces rendered meanwhile.

    Writes into the run's folder: the best network as a preset (`presets.py`), `log.csv` with one row an
    epoch, `tensorboard/` with curves and pictures, and as long as the run is not finished `backup/`. The same
    call goes on with a run that was interrupted, from its last whole epoch and with the same batches.
    `distribution` says how it spreads over devices and machines; one process writes then, and `out` must be
    on a disk that all can read. Where the same run is finished, nothing is left to do.

    Args:
        data: folder of records or of pairs, or `rendered:COUNT`.
        out: the run's folder.
        config: how to train.
        start: a preset to continue from; its network is taken, and `config.network` and `.width` are not.

    Returns:
        The network with the best weights.

    Raises:
        InputError: for data or a configuration that cannot be trained on, or a loss that is not finite.
    """
    config.check()
    strategy = choose_strategy()
    check_batch(config.batch, strategy)
    out = Path(out)
    keras.utils.set_random_seed(config.seed)
    source = open_source(data)
    training, validation = split_subjects(source.subjects, config.validation_share, config.seed)
    source, validation_source = source.only(training), source.only(validation)
    steps = config.epoch_steps or len(source) // config.batch
    if not steps:
        raise InputError(f"{data}: {len(source)} training pairs do not fill a batch of {config.batch}")

    description = read_preset(start).network if start else {"name": config.network, "width": config.width}
    for name in OF_SOME_NETWORKS:
        if (count := getattr(config, name)) is not None:
            description = description | {name: count}
    with _precision(config.precision) as precision, strategy.scope():
        network = build_network(**description)
        if start:
            load_weights(network, start)
        if config.size % (multiple := size_multiple(network)):
            raise InputError(
                f"size {config.size}: must be a multiple of {multiple} for {description['name']}, which "
                "halves crops that often"
            )
        if config.jit and any(isinstance(layer, Correlation) for layer in network.layers):
            raise InputError(f"jit: XLA does not know the correlation that {description['name']} learns by")
        trainer = FlowTrainer(network, config.loss, config.background)
        trainer.compile(_optimizer(config, steps), jit_compile=config.jit)
        trainer.optimizer.build(network.trainable_variables)
    inputs = InputConfig(
        config.size,
        config.batch,
        config.label,
        config.margin,
        config.augmentation if config.augment else None,
        seed=config.seed,
    )
    validation_batches = flow_batches(validation_source, inputs) if validation else None
    recipe = asdict(config) | {"data": str(data), "start": start and str(start), "precision": precision}
    if _is_finished(out, recipe):
        print(f"{out}: trained already, with these settings", flush=True)
        return load_network(out)
    chief = is_chief(strategy)
    if chief:
        _claim(out, recipe)
    print(
        f"{len(source)} pairs of {len(training)} subjects to train on, {len(validation_source)} of "
        f"{len(validation)} to validate; {network.count_params():,} weights, {precision}",
        flush=True,
    )

    backup = Backup(out / _BACKUP, trainer)
    if backup.epochs:
        print(f"going on after epoch {backup.epochs}", flush=True)
    batches = training_batches(source, inputs, first=backup.epochs * steps)
    try:
        callbacks = [NanGuard(out)]
        if validation_batches:
            callbacks += [ValidateAverage()]
        if config.minutes:
            callbacks += [StopAfter(config.minutes)]
        if chief:
            preset = Preset(description, recipe)
            callbacks += _records(out, preset, config, batches, validation_batches, backup)
        if backup.epochs < config.epochs:
            trainer.fit(
                shared_batches(batches),
                steps_per_epoch=steps,
                validation_data=validation_batches and shared_batches(validation_batches),
                initial_epoch=backup.epochs,
                epochs=config.epochs,
                verbose=1 if chief and sys.stdout.isatty() else 0,
                callbacks=callbacks,
            )
    except tf.errors.OpError as error:
        # From inside the input pipeline: a shard that is cut off, a pair with a damaged file.
        raise InputError(f"{data}: cannot be read to its end ({_reason(error)})") from error
    finally:
        if chief and not is_preset(out) and not (out / BAD_BATCH).exists():
            shutil.rmtree(out)  # empty logs, and nothing that was learned
    if not chief:
        return network
    shutil.rmtree(out / _BACKUP)
    return load_network(out)


def _reason(error: tf.errors.OpError) -> str:
    """Return the line that says what went wrong: there may be Keras' before it, and tracebacks behind it."""
    message = str(error.message).strip()
    raised = re.search(r"\w+Error: (.+)", message)
    return raised[1] if raised else message.splitlines()[0]


def _optimizer(config: FlowTrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if config.warmup else config.learning_rate,
        max(1, config.epochs * steps - config.warmup),
        warmup_target=config.learning_rate if config.warmup else None,
        warmup_steps=config.warmup,
    )
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
        use_ema=config.averaging > 0,
        ema_momentum=config.averaging,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def _is_finished(out: Path, recipe: dict) -> bool:
    if not is_preset(out) or (out / _BACKUP).exists():
        return False
    return read_preset(out).recipe == json.loads(json.dumps(recipe))


def _claim(out: Path, recipe: dict) -> None:
    """Make the run's folder, or find in it the same run, interrupted.

    Raises:
        InputError: if there is another run in it.
    """
    path = out / _BACKUP / "recipe.json"
    text = json.dumps(recipe, indent=1)
    if path.exists():
        if path.read_text() != text:
            raise InputError(
                f"{out}: an interrupted run of other settings is in there (they are in {path}); go on with "
                "those, choose another folder or remove it"
            )
        return
    if is_preset(out):
        raise InputError(
            f"{out}: there is a training run of other settings here already; choose another folder or remove "
            "it"
        )
    check_outputs(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _records(
    out: Path,
    preset: Preset,
    config: FlowTrainingConfig,
    batches: tf.data.Dataset,
    validation_batches: tf.data.Dataset | None,
    backup: Backup,
) -> list[keras.callbacks.Callback]:
    """Return what writes into the run's folder; later ones see the numbers that earlier ones add."""
    return [
        Throughput(config.batch),
        *([Rival(validation_batches)] if validation_batches else []),
        KeepBest(out, preset, "val_epe" if validation_batches else "epe"),
        keras.callbacks.CSVLogger(str(out / "log.csv"), append=backup.epochs > 0),
        keras.callbacks.TensorBoard(out / "tensorboard"),
        FlowPictures(out / "tensorboard" / "pictures", next(iter(validation_batches or batches))),
        backup,
        *([] if sys.stdout.isatty() else [PlainProgress()]),
    ]


@contextmanager
def _precision(name: str) -> Iterator[str]:
    """Build networks with a mixed-precision policy inside the block; yields the policy that was chosen."""
    if name == "auto":
        name = "mixed_float16" if tf.config.list_physical_devices("GPU") else _cpu_precision()
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(name)
    try:
        yield name
    finally:
        keras.mixed_precision.set_global_policy(before)


def _cpu_precision() -> str:
    """Return bfloat16 for a CPU that computes in it; on others it is slower than float32."""
    cpu = Path("/proc/cpuinfo")
    flags = cpu.read_text().split() if cpu.exists() else []
    return "mixed_bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


def main() -> None:
    """Run from the shell."""
    import tyro

    try:
        tyro.cli(train_flow, config=(tyro.conf.OmitArgPrefixes,))
    except InputError as error:
        sys.exit(f"train_flow: {error}")


if __name__ == "__main__":
    main()
