import csv
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from keras_models.flow.flow_networks import build_network
from keras_models.presets import Preset, load_network, read_preset, save_preset
from keras_models.training.flow_training_config import FlowTrainingConfig
from keras_models.training.train_flow import train_flow
from pipelines.datasets.splits import split_subjects
from pipelines.errors import InputError
from pipelines.io.pairs import read_pair, write_metadata, write_pair
from pipelines.settings import check_settings
from pipelines.training_data.input_pipeline import InputConfig, flow_batches, training_batches
from pipelines.training_data.sources import open_source

TINY = FlowTrainingConfig(
    network="flownet_s",
    width=0.0625,
    size=64,
    batch_size=4,
    epochs=2,
    validation_share=0.3,
    learning_rate=1e-3,
    warmup_steps=0,
    ema_momentum=0,
    augment=False,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory, pair_folder):
    folder = tmp_path_factory.mktemp("run")
    return folder, train_flow(pair_folder, folder / "run", TINY)


def test_a_run_leaves_what_it_promises(run):
    folder, network = run
    files = {str(path.relative_to(folder / "run")) for path in (folder / "run").rglob("*") if path.is_file()}
    assert {"preset.json", "network.weights.h5", "log.csv"} <= files
    assert sum(file.startswith("tensorboard") for file in files) == 3
    with (folder / "run" / "log.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 2
    preset = read_preset(folder / "run")
    assert preset.network == {"name": "flownet_s", "width": 0.0625}
    assert preset.numbers["val_epe"] == pytest.approx(min(float(row["val_epe"]) for row in rows), rel=1e-5)
    assert preset.recipe["seed"] == 0
    assert all(float(row["pairs_per_second"]) > 0 for row in rows)
    assert not (folder / "run" / "backup").exists()  # the run is finished
    again = load_network(folder / "run")
    for ours, theirs in zip(network.weights, again.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_tensorboard_has_the_pictures(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _ = run
    events = EventAccumulator(str(folder / "run" / "tensorboard" / "pictures"))
    events.Reload()
    (tag,) = events.Tags()["tensors"]
    assert len(events.Tensors(tag)) == 2  # one an epoch
    width, height, first = events.Tensors(tag)[0].tensor_proto.string_val[:3]
    assert (width, height) == (b"256", b"64")
    assert first.startswith(b"\x89PNG")


@pytest.mark.slow
def test_training_learns(tmp_path, pair_folder):
    """Overfitting four pairs for a minute takes the error well below that of no motion."""
    folder = tmp_path / "four"
    lengths = []
    for number in (0, 2, 4, 7):
        pair = read_pair(pair_folder, f"{number:05d}")
        write_pair(folder, pair)
        lengths.append(np.linalg.norm(pair.flow, axis=-1).mean())
    write_metadata(folder, [{"pair": f"{k:05d}", "subject": "s"} for k in (0, 2, 4, 7)])
    config = replace(TINY, width=0.125, size=128, epochs=60, validation_share=0)
    train_flow(folder, tmp_path / "run", config)
    numbers = read_preset(tmp_path / "run").numbers
    assert numbers["epe"] < 0.5 * np.mean(lengths)


def test_the_same_seed_gives_the_same_weights(tmp_path, run, pair_folder):
    _, network = run
    again = train_flow(pair_folder, tmp_path / "again", TINY)
    for ours, theirs in zip(network.weights, again.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_dis_stands_beside_the_validation(run, pair_folder):
    """OpenCV's own DIS on the validation subject's four pairs, whole and at their own size."""
    import cv2

    folder, _ = run
    with (folder / "run" / "log.csv").open() as lines:
        logged = {float(row["val_epe_dis"]) for row in csv.DictReader(lines)}
    assert len(logged) == 1  # nothing about it changes
    source = open_source(pair_folder)
    validation = source.only(split_subjects(source.subjects, 0.3, 0)[1])
    dis, errors = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM), []
    for inputs, targets in flow_batches(validation, InputConfig(size=64, batch_size=1)):
        greys = [
            cv2.cvtColor(np.round(inputs[name][0].numpy() * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
            for name in ("frame1", "frame2")
        ]
        error = np.linalg.norm(dis.calc(*greys, None) - targets["flow"][0], axis=-1)
        errors.append(error[targets["valid"][0].numpy()])
    assert logged.pop() == pytest.approx(np.concatenate(errors).mean(), rel=0.02)


def test_the_average_of_the_weights_is_kept(tmp_path, pair_folder, run):
    """With an average over a long time, what is kept is still near where training began."""
    start = build_network("flownet_s", width=0.0625)
    save_preset(tmp_path / "start", start, Preset({"name": "flownet_s", "width": 0.0625}))
    far = {}
    for averaging in (0, 0.9999):
        config = replace(TINY, ema_momentum=averaging, epochs=1, learning_rate=1e-2)
        network = train_flow(pair_folder, tmp_path / f"run{averaging}", config, init_from=tmp_path / "start")
        far[averaging] = max(
            np.abs(ours - theirs).max()
            for ours, theirs in zip(network.get_weights(), start.get_weights(), strict=True)
        )
    assert 0 < far[0.9999] < 0.02 * far[0]


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path, pair_folder):
    """Killed with SIGKILL between two epochs and started again, a run ends as one that was left alone."""
    config = replace(TINY, epochs=6, warmup_steps=2, ema_momentum=0.9, augment=True, learning_rate=3e-3)
    whole = train_flow(pair_folder, tmp_path / "whole", config)

    arguments = [
        sys.executable,
        "-m",
        "keras_models.training.train_flow",
        "--data",
        pair_folder,
        "--out",
        tmp_path / "run",
    ]
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name in ("augmentation", "augment", "jit_compile"):
            continue
        arguments += [f"--{field.name.replace('_', '-')}", str(value)]
    child = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.startswith("Epoch 4/"):
            child.kill()  # SIGKILL: nothing of it can tidy up
    assert child.wait() == -signal.SIGKILL
    assert (tmp_path / "run" / "backup").exists()

    with pytest.raises(InputError, match="interrupted run with other settings"):
        train_flow(pair_folder, tmp_path / "run", replace(config, learning_rate=1e-4))
    again = train_flow(pair_folder, tmp_path / "run", config)
    losses = []
    for folder in ("whole", "run"):
        with (tmp_path / folder / "log.csv").open() as lines:  # what was killed may be logged again
            losses.append({row["epoch"]: float(row["loss"]) for row in csv.DictReader(lines)})
    assert len(losses[0]) == 6
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    for ours, theirs in zip(again.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_going_on_from_a_run(tmp_path, run, pair_folder):
    folder, _ = run
    config = replace(TINY, epochs=1, network="flownet_c", width=1.0, learning_rate=1e-9)
    network = train_flow(pair_folder, tmp_path / "more", config, init_from=folder / "run")
    np.testing.assert_allclose(network.weights[0], load_network(folder / "run").weights[0], atol=1e-6)
    about = read_preset(tmp_path / "more")
    assert about.network["width"] == about.recipe["width"] == 0.0625
    assert about.network["name"] == about.recipe["network"] == "flownet_s"


@pytest.mark.parametrize("name", ["block_flow", "pyramid_flow"])
def test_only_the_uncertainty_is_trained(tmp_path, pair_folder, name):
    """Not even weight decay changes the other layers; the best epoch is that of the least loss."""
    about = {"name": name, "width": 0.25, "num_flow_updates": 1, "num_coarse_flow_updates": 1}
    first = build_network(**about)
    save_preset(tmp_path / "first", first, Preset(about))
    config = replace(TINY, layers="uncertainty", weight_decay=0.1, ema_momentum=0.5)
    network = train_flow(pair_folder, tmp_path / "more", config, init_from=tmp_path / "first")
    learned = {
        ours.name.split("/")[0]
        for ours, theirs in zip(network.weights, first.weights, strict=True)
        if not np.array_equal(ours, theirs)
    }
    assert len(learned) == {"block_flow": 2, "pyramid_flow": 3}[name]
    assert all(layer.startswith("uncertainty") for layer in learned)
    with (tmp_path / "more" / "log.csv").open() as lines:
        losses = [float(row["val_loss"]) for row in csv.DictReader(lines)]
    assert read_preset(tmp_path / "more").numbers["val_loss"] == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch_size": 500}, "less than batch_size 500"),
        ({"network": "x"}, "unknown network"),
        ({"network": "flownet_s", "num_coarse_flow_updates": 2}, "flownet_s has no num_coarse"),
        ({"loss": "x"}, "unknown loss"),
        ({"network": "pyramid_flow", "jit_compile": True}, "^jit_compile: XLA"),
        ({"size": 80}, "^size must be a multiple of 64"),
        ({"label": "magic"}, "unknown label method"),
        ({"validation_share": 0.99}, "cannot be split"),
        ({"network": "block_flow", "layers": "uncertainty"}, "^layers=uncertainty needs a trained network"),
    ],
)
def test_what_cannot_be_trained(tmp_path, pair_folder, change, says):
    with pytest.raises(InputError, match=says):
        train_flow(pair_folder, tmp_path / "run", replace(TINY, **change))
    assert not (tmp_path / "run").exists()


def test_a_network_without_uncertainty_cannot_train_it(tmp_path, run, pair_folder):
    folder, _ = run
    config = replace(TINY, layers="uncertainty")
    with pytest.raises(InputError, match=r"^layers=uncertainty: flownet_s does not"):
        train_flow(pair_folder, tmp_path / "more", config, init_from=folder / "run")
    with pytest.raises(InputError, match=r"needs pairs for validation"):
        train_flow(
            pair_folder, tmp_path / "more", replace(config, validation_share=0), init_from=folder / "run"
        )
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 0), ("steps_per_epoch", 0), ("warmup_steps", -1), ("weight_decay", -1.0),
        ("global_clipnorm", 0.0), ("ema_momentum", 1.0),
        ("batch_size", 0), ("epochs", 0), ("max_minutes", 0), ("width", 0), ("seed", -1),
        ("width", float("nan")), ("learning_rate", float("nan")), ("learning_rate", -1.0), ("margin", -2.0),
        ("validation_share", -1.0), ("validation_share", 1.0), ("validation_share", float("nan")),
    ],
)  # fmt: skip
def test_settings_out_of_range(name, value):
    with pytest.raises(InputError, match=f"^{name} must be "):
        check_settings(replace(TINY, **{name: value}))


@pytest.mark.parametrize("damage", ["deleted", "cut off"])
def test_damaged_records(tmp_path, clips_folder, damage):
    from pipelines.records.builder import build

    build(clips_folder, tmp_path / "records")
    shard = tmp_path / "records" / "anna-b.tfrecord"
    whole = shard.read_bytes()
    shard.unlink()
    if damage == "cut off":
        shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="records"):
        train_flow(tmp_path / "records", tmp_path / "run", replace(TINY, batch_size=1, validation_share=0))
    assert not (tmp_path / "run").exists()


def test_a_damaged_pair_is_named(tmp_path, pair_folder):
    shutil.copytree(pair_folder, tmp_path / "pairs")
    damaged = tmp_path / "pairs" / "00002_img2.png"
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(InputError, match=r"00002_img2\.png"):
        train_flow(tmp_path / "pairs", tmp_path / "run", replace(TINY, validation_share=0))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_the_flow_in_float32(tmp_path, pair_folder, run, precision):
    config = replace(TINY, precision=precision, epochs=1)
    train_flow(pair_folder, tmp_path / "run", config)
    numbers, exact = (read_preset(folder).numbers for folder in (tmp_path / "run", run[0] / "run"))
    assert read_preset(tmp_path / "run").recipe["precision"] == precision
    assert numbers["val_epe"] == pytest.approx(exact["val_epe"], rel=0.1)
    assert load_network(tmp_path / "run").output["flow"].dtype == "float32"


def test_a_run_is_not_overwritten(run, pair_folder):
    folder, _ = run
    with pytest.raises(InputError, match="other settings already"):
        train_flow(pair_folder, folder / "run", replace(TINY, learning_rate=2e-3))


def test_a_finished_run_is_left_as_it_is(run, pair_folder, capsys):
    """A script of several trainings can be called again after whatever stopped it."""
    folder, network = run
    files = {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}
    again = train_flow(pair_folder, folder / "run", TINY)
    assert "trained already" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()} == files
    for ours, theirs in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e30, "global_clipnorm": 1e30},
        # A flow that is NaN stops its warping before there is a loss.
        {"network": "pyramid_flow", "num_flow_updates": 1, "learning_rate": 1.0, "epochs": 20},
    ],
)
def test_training_that_diverges_keeps_its_batch(tmp_path, pair_folder, change):
    """The message names step and setting, and the batch is the one of that step, read again by itself."""
    config = replace(TINY, **change, validation_share=0)
    with pytest.raises(InputError, match=r"^training diverged in step \d+: .* lower learning_rate") as raised:
        train_flow(pair_folder, tmp_path / "run", config)
    step = int(re.search(r"step (\d+)", str(raised.value))[1])
    batches = training_batches(open_source(pair_folder), InputConfig(size=64, batch_size=4))
    frames, targets = list(batches.take(step))[-1]
    kept = np.load(tmp_path / "run" / "bad_batch.npz")
    for name, values in (frames | targets).items():
        np.testing.assert_array_equal(kept[name], values)


def test_damaged_presets(tmp_path):
    with pytest.raises(InputError, match="no such"):
        load_network(tmp_path / "absent")
    with pytest.raises(InputError, match="not a training run"):
        load_network(tmp_path)
    (tmp_path / "preset.json").write_text('{"network": {"name": "flownet_s", "width": 0.0625}}')
    with pytest.raises(InputError, match="no such"):
        load_network(tmp_path)
    (tmp_path / "network.weights.h5").write_bytes(b"\x89HDF cut off")
    with pytest.raises(InputError, match="damaged"):
        load_network(tmp_path)
    save_preset(
        tmp_path, build_network("flownet_s", width=0.125), Preset({"name": "flownet_s", "width": 0.0625})
    )
    with pytest.raises(InputError, match="another network"):
        load_network(tmp_path)
