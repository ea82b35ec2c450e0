"""Exported models in other runtimes: difference to TensorFlow, and time beside TensorFlow's.

`python -m benchmarks.runtimes` prints it; with `--write` it goes into docs/runtimes.md. Packages are pinned
and downloaded into an environment for each runtime; where that cannot be done, the line says so. The part
`runtimes: browser` needs a Chromium and the dependency group `browser`.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.page import run_parts, table
from benchmarks.other_runtimes.runtime_input_order import TWO_FRAMES, TwoFrames
from benchmarks.other_runtimes.runtime_process import TIMED, ProgramFailed, running, write_frames
from benchmarks.other_runtimes.runtime_programs import PROGRAMS, Program

ROUNDS, _CALLS = 10, 5  # rounds of calls in succession
_PAUSE = 0.1  # seconds between two runtimes; threads that wait for work keep cores busy for a while
_PAGE = Path(__file__).parents[1] / "docs" / "runtimes.md"

# (batch, height, width)
_SHAPES = {
    "pixel": (1, 1, 1),
    "small": (1, 64, 96),
    "odd": (2, 127, 75),
    "batch": (4, 128, 128),
    TIMED: (1, 256, 256),
}


@dataclass(frozen=True)
class _Exported:
    """Models of a network in all formats.

    Attributes:
        folder: Folder with the models, `write_frames` written.
        estimate: TensorFlow, frames uint8 [B, 2, H, W, 3] to flow.
        frames: Frames, by name.
        expected: TensorFlow's flow of them.
    """

    folder: Path
    estimate: Callable[[np.ndarray], np.ndarray]
    frames: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]


def frames_of(shape: tuple[int, int, int]) -> np.ndarray:
    """Draw pairs with a motion of some pixels, uint8 [B, 2, H, W, 3]."""
    from serving.export.onnx_export import textured_frames

    return np.uint8(np.round(255 * np.stack(list(textured_frames(shape).values()), axis=1)))


@contextmanager
def _exported() -> Iterator[_Exported]:
    import tensorflow as tf

    from keras_models.presets import load_network
    from serving.export.flow_signatures import FLOAT_SIGNATURE
    from serving.export.onnx_export import export_onnx
    from serving.export.saved_model import export_flow
    from serving.export.tflite_export import export_tflite

    network = load_network()
    frames = {name: frames_of(shape) for name, shape in _SHAPES.items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        version = export_flow(network, folder / "models")
        export_onnx(network, folder)
        export_tflite(network, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(version), signature_keys=[FLOAT_SIGNATURE])
        (folder / "two_frames.tflite").write_bytes(converter.convert())
        loaded = tf.saved_model.load(str(version))
        reference = loaded.signatures["frames"]

        def estimate(given: np.ndarray) -> np.ndarray:
            return reference(frames=tf.constant(given))["flow"].numpy()

        write_frames(folder, frames)
        yield _Exported(folder, estimate, frames, {name: estimate(given) for name, given in frames.items()})


def compare(names: tuple[str, ...] = tuple(PROGRAMS)) -> str:
    """Return a table of runtimes: largest difference to TensorFlow by size, and time."""
    import tensorflow as tf

    with _exported() as models:
        rows = [_row(name, PROGRAMS[name], models) for name in names]
        longest = max(np.abs(flow).max() for flow in models.expected.values())
    head = ["runtime", *("x".join(map(str, shape)) for shape in _SHAPES.values()), "ms", "to TensorFlow"]
    return (
        f"Largest difference to TensorFlow {tf.__version__} in px, by batch x height x width, on flows of up "
        f"to {longest:.1f} px. Time of the last: median of {ROUNDS * _CALLS} calls, {_CALLS} at a time in "
        "turns with TensorFlow, and the ratio of the medians.\n\n" + table(head, rows)
    )


def _row(name: str, program: Program, models: _Exported) -> list[str]:
    shapes = {key: flow.shape for key, flow in models.expected.items()}
    ours, theirs = [], []
    try:
        with running(program, models.folder, shapes) as other:
            for _ in range(ROUNDS):
                ours += _succession(lambda: _seconds(lambda: models.estimate(models.frames[TIMED])))
                theirs += _succession(other.seconds)
            differences = [
                f"{np.abs(other.flows[key] - flow).max():.1g}" for key, flow in models.expected.items()
            ]
    except ProgramFailed as failure:
        return [f"{name}: fails ({failure})", *[""] * (len(shapes) + 2)]
    tensorflow, median = statistics.median(ours), statistics.median(theirs)
    return [name, *differences, f"{1e3 * median:.0f}", f"{median / tensorflow:.2f}"]


def _succession(timed_call: Callable[[], float]) -> list[float]:
    time.sleep(_PAUSE)
    return [timed_call() for _ in range(1 + _CALLS)][1:]  # the first one finds the caches of another


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def input_order() -> str:
    """Return a table of runtimes with two inputs: their order, and the flow by name and as a list."""
    with _exported() as models:
        rows = [_row_of_inputs(name, program, models) for name, program in TWO_FRAMES.items()]
    head = ["runtime", "lists the inputs as", "by name, px", "list of frame 1, frame 2, px"]
    shape = "x".join(map(str, _SHAPES[TIMED]))
    longest = np.abs(models.expected[TIMED]).max()
    return (
        f"Largest difference to TensorFlow's flow of {shape} with frames as two inputs, on a flow of up to "
        f"{longest:.1f} px.\n\n" + table(head, rows)
    )


def _row_of_inputs(name: str, program: TwoFrames, models: _Exported) -> list[str]:
    shapes = {key: flow.shape for key, flow in models.expected.items()}
    cells = []
    try:
        for variant in (program.by_name, program.as_list):
            with running(variant, models.folder, shapes) as other:
                cells.append(f"{np.abs(other.flows[TIMED] - models.expected[TIMED]).max():.1g}")
    except ProgramFailed as failure:
        return [f"{name}: fails ({failure})", "", "", ""]
    return [name, (models.folder / "inputs.txt").read_text().strip(), *cells]


def in_the_browser() -> str:
    """Return a table of Chromium beside ONNX Runtime: difference to TensorFlow, and time."""
    from benchmarks.other_runtimes.browser_time import browser_table
    from keras_models.inference.estimators import get_estimator

    frames = frames_of(_SHAPES["timed"])
    return browser_table(frames, get_estimator("default")(*frames[0])[0][None])


def programs() -> str:
    """Return the programs as Markdown."""
    lines = []
    for name, program in PROGRAMS.items():
        language = "js" if program.node else "python"
        packages = ", ".join(f"`{package}`" for package in program.packages)
        text = f"**{name}** ({packages})\n\n```{language}\n{program.code.strip()}\n```"
        if program.conversion:
            needs = " ".join(f"'{package}'" for package in program.conversion_packages)
            text += (
                f"\n\nThe model is converted before:\n\n```sh\npip install {needs}\n{program.conversion}\n```"
            )
        lines.append(text)
    return "\n\n".join(lines)


PARTS = {
    "runtimes: table": compare,
    "runtimes: inputs": input_order,
    "runtimes: browser": in_the_browser,
    "runtimes: programs": programs,
}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
