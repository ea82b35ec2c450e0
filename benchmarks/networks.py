"""What the networks cost: a training step and a forward pass, each beside its rivals in the same run.

Run as `python -m benchmarks.networks [--torch] [--preset FOLDER]`. With `--torch`, FlowNetS in PyTorch is
measured as well, by `flownet_s_torch.py` in an environment of its own that uv makes for it (torch 2.13.0: a
download of 0.5 GB, and more with the CUDA libraries that it asks for).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.pipelines import input_share

SIZE, BATCH, ROUNDS = 256, 4, 5
CLASSICAL = ("dis_fast", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow")
_TORCH = Path(__file__).with_name("flownet_s_torch.py")


def cpu_milliseconds(*calls: Callable[[], object], rounds: int = ROUNDS) -> list[tuple[float, float]]:
    """Return (wall-clock, processor) milliseconds of each call, medians; the calls are made in turns."""
    taken = [[] for _ in calls]
    for call in calls:
        call()  # compiles and allocates
    for _ in range(rounds):
        for call, times in zip(calls, taken, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            call()
            times.append((time.perf_counter() - wall, time.process_time() - processor))
    return [tuple(1000 * statistics.median(column) for column in zip(*times, strict=True)) for times in taken]


def training_step(name: str, width: float, policy: str) -> str:
    """One step of a network in float32 or mixed precision, a pair of 256x256."""
    import keras
    import tensorflow as tf

    from keras_models.flow_trainer import FlowTrainer
    from keras_models.networks import build_network

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
    (both, forwards) = cpu_milliseconds(
        lambda: step(data)["loss"].numpy(), lambda: forward(data[0])[0, 0, 0, 0].numpy()
    )
    parts = [
        f"{what} {wall / BATCH:.0f} ms ({processor / BATCH:.0f} of processor)"
        for what, (wall, processor) in (("step", both), ("forward", forwards))
    ]
    return f"{name} width {width:g}, {policy}, batch {BATCH}: {', '.join(parts)} a pair of {SIZE}x{SIZE}"


def run_torch(width: float, batch: int, rounds: int) -> dict:
    """Measure FlowNetS in PyTorch, in a process and an environment of its own, which uv makes.

    Returns:
        `version`, `parameters`, and `milliseconds` of a `step` and a `forward` pass of the whole batch, each
        (wall-clock, processor), medians.

    Raises:
        RuntimeError: if it cannot be had or run.
    """
    uv = Path(".uv/bin/uv")
    command = [str(uv if uv.exists() else "uv"), "run", "--script", str(_TORCH)]
    given = map(str, (width, batch, SIZE, rounds))
    done = subprocess.run([*command, *given], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def torch_step(width: float) -> str:
    """The same of FlowNetS in PyTorch."""
    try:
        measured = run_torch(width, BATCH, ROUNDS)
    except RuntimeError as error:
        return f"flownet_s in PyTorch: not measured ({error})"
    parts = [
        f"{what} {wall / BATCH:.0f} ms ({processor / BATCH:.0f} of processor)"
        for what, (wall, processor) in measured["milliseconds"].items()
    ]
    return (
        f"flownet_s width {width:g} in PyTorch {measured['version']}, {measured['parameters']:,} parameters, "
        f"batch {BATCH}: {', '.join(parts)} a pair"
    )


def forward(preset: str | None, rounds: int = ROUNDS) -> list[str]:
    """One pair of frames by the preset, in TensorFlow and ONNX Runtime, and by the classical methods."""
    import onnxruntime
    import skimage.data

    from keras_models.methods import open_method
    from keras_models.presets import Preset, load_network, save_preset
    from serving.onnx import export_onnx

    portrait = np.ascontiguousarray(skimage.data.astronaut()[:SIZE, 100 : 100 + SIZE])
    frames = portrait, np.roll(portrait, 1, axis=1)
    with tempfile.TemporaryDirectory() as folder:
        if preset is None:  # weights do not change what it costs
            from keras_models.networks import build_network

            about = Preset({"name": "flownet_s", "width": 0.5})
            save_preset(folder, build_network(**about.network), about)
            preset = folder
        network = load_network(preset)
        file = export_onnx(network, Path(folder) / "onnx")
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        floats = {f"frame{k + 1}": np.float32(frame[None]) / 255 for k, frame in enumerate(frames)}
        calls = {f"{network.name} in TensorFlow": _call(open_method(str(preset)), frames)}
        calls |= {f"{network.name} in ONNX Runtime": lambda: session.run(["flow"], floats)}
        calls |= {method: _call(open_method(method), frames) for method in CLASSICAL}
        times = cpu_milliseconds(*calls.values(), rounds=rounds)
    return [
        f"forward, one pair of {SIZE}x{SIZE}: {name} {wall:.1f} ms ({processor:.1f} of processor)"
        for name, (wall, processor) in zip(calls, times, strict=True)
    ]


def _call(method: Callable, frames: tuple) -> Callable:
    return lambda: method(*frames)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", action="store_true", help="measure PyTorch too; downloads it")
    parser.add_argument("--preset", help="folder of a preset or run; FlowNetS of half width by default")
    # `make bench` hands on nothing of its own.
    asked = parser.parse_args(sys.argv[1:] if sys.argv[0].endswith("networks.py") else [])
    print(f"networks: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    for line in forward(asked.preset):
        print(line, flush=True)
    for name, width in (("flownet_s", 0.5), ("flownet_c", 0.5), ("face_flownet", 0.5)):
        for policy in ("float32", "mixed_bfloat16"):
            print(training_step(name, width, policy), flush=True)
    if asked.torch:
        print(torch_step(0.5), flush=True)
    print(input_share(), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"networks: peak memory of this process {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
