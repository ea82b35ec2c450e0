"""Exported models in other runtimes: difference to TensorFlow, and time beside TensorFlow's.

`python -m benchmarks.runtimes` prints it; with `--write` it goes into docs/runtimes.md. Packages are pinned
and downloaded into an environment for each runtime; where that cannot be done, the line says so. The part
`runtimes: browser` needs a Chromium and the dependency group `browser`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.common.page import run_parts, table
from benchmarks.common.runtime_programs import NODE_END, PROGRAMS, PYTHON_END, Program

ROUNDS = 20
_PAGE = Path(__file__).parents[1] / "docs" / "runtimes.md"
_TIMEOUT = 1200  # seconds, mostly for downloads

# (batch, height, width); the last is timed.
_SHAPES = {"small": (1, 64, 96), "odd": (2, 127, 75), "batch": (4, 128, 128), "timed": (1, 256, 256)}


def frames_of(shape: tuple[int, int, int]) -> np.ndarray:
    """Draw pairs with a motion of some pixels, uint8 [B, 2, H, W, 3]."""
    from serving.export.onnx_export import textured_frames

    return np.uint8(np.round(255 * np.stack(list(textured_frames(shape).values()), axis=1)))


def compare(names: tuple[str, ...] = tuple(PROGRAMS)) -> str:
    """Return a table of runtimes: largest difference to TensorFlow by size, and time."""
    import tensorflow as tf

    from keras_models.presets import load_network
    from serving.export.onnx_export import export_onnx
    from serving.export.saved_model import export_flow
    from serving.export.tflite_export import export_tflite

    network = load_network()
    frames = {name: frames_of(shape) for name, shape in _SHAPES.items()}
    with tempfile.TemporaryDirectory() as scratch:
        version = export_flow(network, Path(scratch) / "models")
        export_onnx(network, scratch)
        export_tflite(network, scratch)
        loaded = tf.saved_model.load(str(version))
        reference = loaded.signatures["frames"]

        def estimate(given: np.ndarray) -> np.ndarray:
            return reference(frames=tf.constant(given))["flow"].numpy()

        expected = {name: estimate(given) for name, given in frames.items()}
        np.savez(Path(scratch) / "frames.npz", **frames)
        shapes = {name: given.shape for name, given in frames.items()}
        Path(scratch, "shapes.json").write_text(json.dumps(shapes))
        for name, given in frames.items():
            Path(scratch, f"{name}.bytes").write_bytes(given.tobytes())
        rows = [
            _row(name, PROGRAMS[name], Path(scratch), expected, estimate, frames["timed"]) for name in names
        ]
    head = ["runtime", *("x".join(map(str, shape)) for shape in _SHAPES.values()), "ms", "to TensorFlow"]
    longest = max(np.abs(flow).max() for flow in expected.values())
    return (
        f"Largest difference to TensorFlow {tf.__version__} in px, by batch x height x width, on flows of up "
        f"to {longest:.1f} px; time of the last, median of {ROUNDS} calls, beside TensorFlow's right before "
        "and right after.\n\n" + table(head, rows)
    )


def _row(
    name: str,
    program: Program,
    scratch: Path,
    expected: dict[str, np.ndarray],
    estimate: Callable[[np.ndarray], np.ndarray],
    timed: np.ndarray,
) -> list[str]:
    before = _median(lambda: estimate(timed))
    failure = _run(program, scratch)
    after = _median(lambda: estimate(timed))
    if failure:
        return [f"{name}: not measured ({failure})", *[""] * (len(expected) + 2)]
    if program.node:
        flows = {
            key: np.frombuffer((scratch / f"{key}.flow").read_bytes(), np.float32).reshape(flow.shape)
            for key, flow in expected.items()
        }
    else:
        flows = dict(np.load(scratch / "flows.npz"))
    seconds = json.loads((scratch / "seconds.json").read_text())
    differences = [f"{np.abs(flows[key] - flow).max():.1g}" for key, flow in expected.items()]
    return [name, *differences, f"{1e3 * seconds:.0f}", f"{seconds / statistics.mean((before, after)):.2f}"]


def _run(program: Program, scratch: Path) -> str | None:
    """Run a program in its environment; returns why it failed, or None."""
    if program.node:
        (scratch / "program.js").write_text(program.code + NODE_END.replace("ROUNDS", str(ROUNDS)))
        install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *program.packages]
        commands = [install, ["node", "program.js"]]
    else:
        (scratch / "program.py").write_text(program.code + PYTHON_END.replace("ROUNDS", str(ROUNDS)))
        project = Path(__file__).parents[1] / ".uv" / "bin" / "uv"
        uv = str(project if project.exists() else "uv")
        packages = [word for package in program.packages for word in ("--with", package)]
        commands = [[uv, "run", "--no-project", "--quiet", "--python", "3.11", *packages, "program.py"]]
    for command in commands:
        try:
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=_TIMEOUT)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
    return None


def _median(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS + 3):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[3:])


def in_the_browser() -> str:
    """Return a table of Chromium beside ONNX Runtime: difference to TensorFlow, and time."""
    from benchmarks.common.browser_time import browser_table
    from keras_models.inference.estimators import get_estimator

    frames = frames_of(_SHAPES["timed"])
    return browser_table(frames, get_estimator("default")(*frames[0])[0][None])


def programs() -> str:
    """Return the programs as Markdown."""
    lines = []
    for name, program in PROGRAMS.items():
        language = "js" if program.node else "python"
        packages = ", ".join(f"`{package}`" for package in program.packages)
        lines.append(f"**{name}** ({packages})\n\n```{language}\n{program.code.strip()}\n```")
    return "\n\n".join(lines)


PARTS = {
    "runtimes: table": compare,
    "runtimes: browser": in_the_browser,
    "runtimes: programs": programs,
}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
