"""Train a flow network; `python -m keras_models.training.train_flow --help` lists the settings."""

import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.flow.flow_model import FlowModel
from keras_models.flow.flow_networks import build_network
from keras_models.layers.correlation import Correlation
from keras_models.layers.flow_layers import size_multiple
from keras_models.presets import Preset, load_network, read_preset, save_preset, weights_digest
from keras_models.training.calibration.uncertainty_calibration import calibrate_uncertainty
from keras_models.training.callbacks import (
    Backup,
    BaselineEPE,
    FlowPictures,
    KeepBest,
    StopAfter,
    SwapEMAWeights,
    Throughput,
)
from keras_models.training.distribution import check_batch_size, choose_strategy, is_chief, shared_batches
from keras_models.training.flow_optimizer import FlowAdamW
from keras_models.training.flow_trainer import FlowTrainer
from keras_models.training.flow_training_config import NETWORK_ARGUMENTS, FlowTrainingConfig
from keras_models.training.nan_guard import NanGuard, divergence_error
from keras_models.training.precision_policy import precision_policy
from keras_models.training.run_folder import backup_folder, claim, finish, is_finished, remove_if_empty
from pipelines.datasets.splits import split_subjects
from pipelines.errors import InputError
from pipelines.settings import check_settings
from pipelines.training_data.input_pipeline import InputConfig, flow_batches, training_batches
from pipelines.training_data.sources import PairSource, open_source


@dataclass(frozen=True, eq=False)
class _Run:
    """A training that is ready to begin or to continue.

    Attributes:
        data: Path of the data, for messages.
        config: How to train.
        source: Training pairs.
        inputs: How pairs become batches.
        validation: Batches of the validation pairs, or None.
        steps: Number of steps in an epoch.
        trainer: Compiled trainer.
        preset: Network and recipe.
        chief: Whether this process writes the run's files.
        summary: Line that says what is trained on what.
    """

    data: str
    config: FlowTrainingConfig
    source: PairSource
    inputs: InputConfig
    validation: tf.data.Dataset | None
    steps: int
    trainer: FlowTrainer
    preset: Preset
    chief: bool
    summary: str


def train_flow(
    data: Path | str, out: Path | str, config: FlowTrainingConfig, init_from: Path | str | None = None
) -> keras.Model:
    """Train a flow network on records, on a pair folder, or on faces that are rendered during training.

    The run's folder gets the best network as a preset (`presets`), `log.csv` with one row per epoch,
    `tensorboard/` with curves and pictures, and, until the run is finished, `backup/`. If the network
    estimates its error, that is calibrated on the validation pairs at the end. The same call continues an
    interrupted run after its last whole epoch with the batches that follow, and does nothing if the run is
    finished. `distribution` says how training is spread over devices and machines: one process writes, and
    `out` must be on a disk that all can read.

    Args:
        data: Folder of records or of pairs, or `rendered:COUNT`.
        out: Folder of the run.
        config: How to train.
        init_from: Preset or run whose network and weights training starts from; `config.network` and
            `config.width` are then ignored.

    Returns:
        The network with the best weights.

    Raises:
        InputError: If the data or the settings cannot be used, or training diverges.

    Examples:
        >>> train_flow("pairs", "run", FlowTrainingConfig(epochs=2, size=64))  # doctest: +SKIP
    """
    out = Path(out)
    run = _prepare(data, config, init_from)
    if is_finished(out, run.preset.recipe):
        print(f"{out}: trained already, with these settings", flush=True)
        return load_network(out)
    print(run.summary, flush=True)
    if not run.chief:
        _fit(run, out)
        return run.trainer.network
    with claim(out, run.preset.recipe):
        _fit(run, out)
        network = load_network(out)
        if run.validation and "uncertainty" in network.output:
            calibrate_uncertainty(network, run.validation)
            save_preset(out, network, read_preset(out))
        finish(out)
    return network


def _prepare(data: Path | str, config: FlowTrainingConfig, init_from: Path | str | None) -> _Run:
    """Open the data and build the trainer. Nothing is written."""
    check_settings(config)
    strategy = choose_strategy()
    check_batch_size(config.batch_size, strategy)
    keras.utils.set_random_seed(config.seed)
    source = open_source(data)
    training, validation = split_subjects(source.subjects, config.validation_share, config.seed)
    digest = source.digest
    source, validation_source = source.only(training), source.only(validation)
    steps = config.steps_per_epoch or len(source) // config.batch_size
    if not steps:
        raise InputError(
            f"{data}: has {len(source)} training pairs, which is less than batch_size {config.batch_size}"
        )
    network_config = _network_config(config, init_from)
    with precision_policy(config.precision) as precision, strategy.scope():
        network = _build_network(network_config, config, init_from)
        trainer = FlowTrainer(network, config.loss, config.background_weight)
        trainer.compile(_optimizer(config, steps), jit_compile=config.jit_compile)
        trainer.optimizer.build(network.trainable_variables)
    inputs = InputConfig(
        config.size,
        config.batch_size,
        config.label,
        config.margin,
        config.augmentation if config.augment else None,
        seed=config.seed,
    )
    recipe = asdict(config) | {
        "network": network_config["name"],  # those of `init_from`, if there is one
        "width": network_config.get("width", 1.0),
        "data": str(data),
        "data_digest": digest,
        "init_from": init_from and str(init_from),
        "init_from_digest": init_from and weights_digest(init_from),
        "precision": precision,
    }
    return _Run(
        data=str(data),
        config=config,
        source=source,
        inputs=inputs,
        validation=flow_batches(validation_source, inputs) if validation else None,
        steps=steps,
        trainer=trainer,
        preset=Preset(network_config, recipe),
        chief=is_chief(strategy),
        summary=f"{len(source)} pairs of {len(training)} subjects for training, {len(validation_source)} of "
        f"{len(validation)} for validation; {network.count_params():,} weights, {precision}",
    )


def _network_config(config: FlowTrainingConfig, init_from: Path | str | None) -> dict:
    """Return name and arguments of the network."""
    network = {"name": config.network, "width": config.width}
    if init_from:
        network = read_preset(init_from).network
    return network | _network_arguments(config)


def _network_arguments(config: FlowTrainingConfig) -> dict:
    own = {name: getattr(config, name) for name in NETWORK_ARGUMENTS}
    return {name: value for name, value in own.items() if value is not None}


def _build_network(
    network_config: dict, config: FlowTrainingConfig, init_from: Path | str | None
) -> FlowModel:
    if init_from:
        network = load_network(init_from, **_network_arguments(config))
    else:
        network = build_network(**network_config)
    name, multiple = network_config["name"], size_multiple(network)
    if config.layers == "uncertainty":
        if not init_from:
            raise InputError("layers=uncertainty needs a trained network, by init_from")
        if not config.validation_share:
            raise InputError("layers=uncertainty needs pairs for validation; give validation_share above 0")
        _freeze_flow(network, name)
    if config.size % multiple:
        raise InputError(f"size must be a multiple of {multiple} for {name}, but is {config.size}")
    if config.jit_compile and any(isinstance(layer, Correlation) for layer in network.layers):
        raise InputError(f"jit_compile: XLA cannot compile the gradient of the correlation in {name}")
    return network


def _freeze_flow(network: FlowModel, name: str) -> None:
    """Leave only the layers trainable that estimate the error of the flow; their names say so."""
    if "uncertainty" not in network.output:
        raise InputError(f"layers=uncertainty: {name} does not estimate its error")
    for layer in network.layers:
        layer.trainable = layer.name.startswith("uncertainty")


def _optimizer(config: FlowTrainingConfig, steps: int) -> FlowAdamW:
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if config.warmup_steps else config.learning_rate,
        max(1, config.epochs * steps - config.warmup_steps),
        warmup_target=config.learning_rate if config.warmup_steps else None,
        warmup_steps=config.warmup_steps,
    )
    return FlowAdamW(
        rate,
        weight_decay=config.weight_decay,
        global_clipnorm=config.global_clipnorm,
        use_ema=config.ema_momentum > 0,
        ema_momentum=config.ema_momentum,
    )


def _fit(run: _Run, out: Path) -> None:
    """Train from the last whole epoch to the last one."""
    backup = Backup(backup_folder(out), run.trainer)
    if backup.epochs:
        print(f"continuing after epoch {backup.epochs}", flush=True)
    batches = training_batches(run.source, run.inputs, first=backup.epochs * run.steps)
    try:
        callbacks = _callbacks(run, out, batches, backup)
        if backup.epochs < run.config.epochs:
            replicas = run.trainer.distribute_strategy.num_replicas_in_sync
            run.trainer.fit(
                shared_batches(batches),
                steps_per_epoch=run.steps,
                validation_data=run.validation and shared_batches(run.validation, replicas),
                initial_epoch=backup.epochs,
                epochs=run.config.epochs,
                verbose=0 if not run.chief else 1 if sys.stdout.isatty() else 2,
                callbacks=callbacks,
            )
    except tf.errors.OpError as error:
        raise _cause(run, out, error) from error
    finally:
        if run.chief:
            remove_if_empty(out)


def _callbacks(
    run: _Run, out: Path, batches: tf.data.Dataset, backup: Backup
) -> list[keras.callbacks.Callback]:
    """Return the callbacks. Later ones see the metrics that earlier ones add."""
    callbacks = [NanGuard(out)]
    if run.validation:
        callbacks.append(SwapEMAWeights())
    if run.config.max_minutes:
        callbacks.append(StopAfter(run.config.max_minutes))
    if not run.chief:
        return callbacks
    return [
        *callbacks,
        Throughput(run.config.batch_size),
        *([BaselineEPE(run.validation)] if run.validation else []),
        KeepBest(out, run.preset, _best_by(run)),
        keras.callbacks.CSVLogger(str(out / "log.csv"), append=backup.epochs > 0),
        keras.callbacks.TensorBoard(out / "tensorboard"),
        FlowPictures(out / "tensorboard" / "pictures", next(iter(run.validation or batches))),
        backup,
    ]


def _best_by(run: _Run) -> str:
    if run.config.layers == "uncertainty":
        return "val_loss"  # the end-point error stays the same
    return "val_epe" if run.validation else "epe"


def _cause(run: _Run, out: Path, error: tf.errors.OpError) -> Exception:
    """Tell data that cannot be read, or too little memory, from training that diverged.

    On a CPU some operations raise an error for NaN, before there is a loss that `NanGuard` could see.
    """
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return InputError(
            f"out of memory; lower batch_size ({run.config.batch_size}) or size ({run.config.size})"
        )
    step = int(run.trainer.optimizer.iterations)
    try:
        # A batch depends on its number alone, so the one that failed can be read again.
        inputs, targets = next(iter(training_batches(run.source, run.inputs, first=step)))
        for _ in run.validation or ():
            pass
    except tf.errors.OpError as reading:
        return InputError(f"{run.data}: cannot be read to its end ({_reason(reading)})")
    if not isinstance(error, tf.errors.InvalidArgumentError):
        return error
    batch = {name: value.numpy() for name, value in (inputs | targets).items()}
    largest = max(float(tf.reduce_max(tf.abs(weight))) for weight in run.trainer.network.trainable_variables)
    what = f"the flow is not finite ({_reason(error)}), and the largest weight is {largest:.3g}"
    return divergence_error(out, run.trainer.optimizer, step + 1, what, batch)


def _reason(error: tf.errors.OpError) -> str:
    """Return the line that says what went wrong. Tracebacks may come before and behind it."""
    message = str(error.message).strip()
    if raised := re.search(r"\w+Error: (.+)", message):
        return raised[1]
    lines = [line.strip() for line in message.splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[[")), message)


def main() -> None:
    """Run from the shell."""
    import tyro

    try:
        tyro.cli(train_flow, config=(tyro.conf.OmitArgPrefixes,))
    except InputError as error:
        sys.exit(f"train_flow: {error}")


if __name__ == "__main__":
    main()
