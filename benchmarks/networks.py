"""Time of a training step and a forward pass of the networks, beside other methods in the same run.

`python -m benchmarks.networks` prints it; with `--write` it goes into docs/benchmarks.md. Names of parts
after it run these alone, in quotation marks. "networks: torch" is left out unless it is named, because uv
makes an environment of its own for it (torch 2.13.0: a download of 0.5 GB, and more with the CUDA libraries
that it asks for).
"""

import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.common.page import NotMeasured, run_parts, table
from benchmarks.common.script import script_command

SIZE, BATCH, ROUNDS = 256, 4, 9
WIDTH = 0.5  # of the networks that train
CLASSICAL = ("dis_fast", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow")
POLICIES = ("float32", "mixed_bfloat16")
PRESETS = ("default", "fast", "flownet_s")
_THREADS = {"one per core": "0", "one": "1"}  # within an operation of TensorFlow
_TORCH = Path(__file__).parent / "baselines" / "flownet_s_torch.py"
_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_COST = ["ms", "CPU time, ms"]

Cost = tuple[float, float]  # wall-clock and processor, milliseconds


def milliseconds(*calls: Callable[[], object], rounds: int = ROUNDS) -> list[Cost]:
    """Return what each call costs, medians; they are made in turns, in another order each time."""
    taken = [[] for _ in calls]
    for call in calls:
        call()  # compiles and allocates
    order = np.random.default_rng(0)
    for _ in range(rounds):
        for k in order.permutation(len(calls)):
            wall, processor = time.perf_counter(), time.process_time()
            calls[k]()
            taken[k].append((time.perf_counter() - wall, time.process_time() - processor))
    return [tuple(1000 * statistics.median(column) for column in zip(*times, strict=True)) for times in taken]


def forward(rounds: int = ROUNDS) -> str:
    """One pair of frames by the presets, in TensorFlow and ONNX Runtime, and by classical methods."""
    import keras
    import onnxruntime
    import skimage.data

    from keras_models.inference.estimators import get_estimator
    from keras_models.presets import DEFAULT, load_network
    from serving.export.onnx_export import export_onnx

    portrait = np.ascontiguousarray(skimage.data.astronaut()[:SIZE, 100 : 100 + SIZE])
    frames = portrait, np.roll(portrait, 1, axis=1)
    floats = {f"frame{k + 1}": np.float32(frame[None]) / 255 for k, frame in enumerate(frames)}
    calls = {f"`{DEFAULT}`": _call(get_estimator(DEFAULT), frames)}
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    calls[f"`{DEFAULT}`, bfloat16"] = _call(get_estimator(DEFAULT), frames)
    keras.mixed_precision.set_global_policy("float32")
    calls["`fast`"] = _call(get_estimator("fast"), frames)
    for preset in (DEFAULT, "fast"):
        with tempfile.TemporaryDirectory() as folder:
            file, _ = export_onnx(load_network(preset), Path(folder))
            run = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run
        calls[f"`{preset}` in ONNX Runtime {onnxruntime.__version__}"] = partial(run, ["flow"], floats)
    calls |= {f"`{method}`": _call(get_estimator(method), frames) for method in CLASSICAL}
    costs = milliseconds(*calls.values(), rounds=rounds)
    return f"One pair of {SIZE}x{SIZE}, medians of {rounds} calls of each, in any order.\n\n" + table(
        ["", *_COST], [[name, *map("{:.1f}".format, cost)] for name, cost in zip(calls, costs, strict=True)]
    )


def _call(method: Callable, frames: tuple) -> Callable:
    return lambda: method(*frames)


def training_costs(name: str, width: float, policy: str, rounds: int = ROUNDS) -> tuple[Cost, Cost]:
    """Return what a training step and a forward pass of a network cost, each for one pair of a batch."""
    import keras
    import tensorflow as tf

    from keras_models.flow.flow_networks import build_network
    from keras_models.training.flow_trainer import FlowTrainer

    keras.mixed_precision.set_global_policy(policy)
    trainer = FlowTrainer(build_network(name, width=width))
    trainer.compile("adam")
    keras.mixed_precision.set_global_policy("float32")
    random = np.random.default_rng(0)
    frames = {key: random.random((BATCH, SIZE, SIZE, 3)).astype(np.float32) for key in ("frame1", "frame2")}
    targets = {
        "flow": random.normal(size=(BATCH, SIZE, SIZE, 2)).astype(np.float32),
        "valid": np.ones((BATCH, SIZE, SIZE), bool),
        "face": np.ones((BATCH, SIZE, SIZE), bool),
    }
    data = tf.nest.map_structure(tf.constant, (frames, targets))
    step = tf.function(trainer.train_step)
    forward = tf.function(lambda frames: trainer.network(frames, training=False)["flow"])
    costs = milliseconds(
        lambda: step(data)["loss"].numpy(), lambda: forward(data[0])[0, 0, 0, 0].numpy(), rounds=rounds
    )
    return tuple((wall / BATCH, processor / BATCH) for wall, processor in costs)


def steps() -> str:
    """Training step and forward pass of every network that learns by the multi-scale error."""
    rows = [
        [f"`{name}`, width {width:g}, {policy}", *_cells(training_costs(name, width, policy))]
        for name, width in (("flownet_s", WIDTH), ("flownet_c", WIDTH), ("face_flownet", WIDTH))
        for policy in POLICIES
    ]
    for name in ("pyramid_flow", "block_flow"):
        rows.append([f"`{name}`, float32", *_cells(training_costs(name, 1.0, "float32"))])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{_costs_of_pairs(rows)}\n\nPeak memory of the process {peak:.0f} MiB."


def compare_torch() -> str:
    """FlowNetS beside the same network in PyTorch."""
    rows = [
        [f"Keras, {policy}", *_cells(training_costs("flownet_s", WIDTH, policy, rounds=3 * ROUNDS))]
        for policy in POLICIES
    ]
    try:
        found = run_torch(WIDTH, BATCH, 3 * ROUNDS)
    except RuntimeError as error:
        raise NotMeasured(f"PyTorch: {error}") from error
    costs = [[each / BATCH for each in found["milliseconds"][what]] for what in ("step", "forward")]
    rows.append([f"PyTorch {found['version']}, float32", *_cells(costs)])
    return f"`flownet_s` of width {WIDTH:g}; PyTorch right after Keras.\n\n{_costs_of_pairs(rows)}"


def _cells(costs: tuple[Cost, Cost]) -> list[str]:
    return [f"{each:.1f}" for cost in costs for each in cost]


def _costs_of_pairs(rows: list[list[str]]) -> str:
    head = f"Batches of {BATCH} pairs of {SIZE}x{SIZE}; medians, for one pair.\n\n"
    return head + table(["", *(f"{what}, {unit}" for what in ("step", "forward") for unit in _COST)], rows)


def run_torch(width: float, batch: int, rounds: int) -> dict:
    """Measure FlowNetS in PyTorch, in a process and an environment of its own, which uv makes.

    Returns:
        `version`, `parameters`, and `milliseconds` of a `step` and a `forward` pass of the whole batch, each
        (wall-clock, processor), medians.

    Raises:
        RuntimeError: if it cannot be had or run.
    """
    command = script_command(_TORCH, width, batch, SIZE, rounds)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def threads(presets: tuple[str, ...] = PRESETS, calls: int = 20, rounds: int = 3) -> str:
    """One pair at a time, and as many as there are cores, by number of threads within an operation.

    Threads are a setting of a process, so each is measured in processes of its own, in turns.
    """
    found: dict[tuple[str, str, int], list[float]] = {}
    spawn = multiprocessing.get_context("spawn")
    for _ in range(rounds):
        for setting, value in _THREADS.items():
            with ProcessPoolExecutor(1, spawn, _set_threads, (value,)) as process:
                times = process.submit(_pair_times, presets, calls).result()
            for (preset, at_a_time), each in times.items():
                found.setdefault((preset, setting, at_a_time), []).append(each)
    cores = max(at_a_time for _, _, at_a_time in found)
    rows = [
        [f"`{preset}`", setting, *(f"{statistics.median(found[preset, setting, n]):.1f}" for n in (1, cores))]
        for preset in presets
        for setting in _THREADS
    ]
    head = f"Milliseconds for a pair of {SIZE}x{SIZE}, medians of {rounds} processes, {calls} calls each.\n\n"
    return head + table(["", "threads", "one at a time", f"{cores} at a time"], rows)


def _set_threads(value: str) -> None:
    os.environ["TF_NUM_INTRAOP_THREADS"] = value


def _pair_times(presets: tuple[str, ...], calls: int) -> dict[tuple[str, int], float]:
    """Return the time for a pair by preset and number of pairs at a time."""
    from keras_models.inference.estimators import get_estimator
    from pipelines.cores import num_cores

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    frame = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
    pair = frame, np.roll(frame, 1, axis=1)
    times = {}
    for preset in presets:
        estimate = get_estimator(preset)
        estimate(*pair)
        for at_a_time in sorted({1, num_cores()}):
            with ThreadPoolExecutor(at_a_time) as pool:
                begin = time.perf_counter()
                list(pool.map(estimate, *([each] * calls for each in pair)))
                times[preset, at_a_time] = 1e3 * (time.perf_counter() - begin) / calls
    return times


PARTS = {
    "networks: forward": forward,
    "networks: threads": threads,
    "networks: steps": steps,
    "networks: torch": compare_torch,
}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments, on_request=["networks: torch"])  # it installs PyTorch


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
