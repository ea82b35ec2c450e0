"""Errors of the networks that come with FaceFlow and of classical methods, in the same run.

`python -m benchmarks.model_card` prints it; with `--write` it goes into docs/model_card.md, and the portraits
in short into README.md. Names of parts after it run these alone; `rife` is left out unless it is named,
because uv makes an environment of its own for it (a download of 0.5 GB).
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from benchmarks.baselines.rife import rife
from benchmarks.common.page import run_parts, table
from benchmarks.common.real_data import real_data
from faceflow.operation_threads import one_thread_per_operation
from keras_models.evaluation.evaluate_flow import FlowEvaluation, evaluate_flow
from keras_models.evaluation.evaluate_uncertainty import evaluate_uncertainty
from keras_models.evaluation.flow_report import flow_table
from keras_models.evaluation.uncertainty_report import calibration_table, uncertainty_table
from keras_models.inference.estimators import get_estimator
from keras_models.inference.uncertainty import get_uncertain_estimator
from keras_models.presets import DEFAULT, Preset, load_network, read_preset, save_preset
from pipelines.synthetic.renderer.generate import render_pairs

THREE_UPDATES = "flownet_s, three updates"
METHODS = (
    DEFAULT,
    "fast",
    "flownet_s",
    THREE_UPDATES,
    "zero",
    "dis_medium",
    "dis_fine",
    "farneback",
    "tvl1",
    "deepflow",
    "label:refined",
)
_UNCERTAIN = ("default", "fast", "consistency:default", "consistency:dis_fine")
_ENLARGEMENTS = (1, 2, 4)  # of frames, for RIFE
SEED, PAIRS = 2026, 300  # of rendered people whom no training has seen
_IN_SHORT = {
    DEFAULT: "PyramidFlow, the shipped network",
    "fast": "BlockFlow, for speed",
    "flownet_s": "FlowNetS with a sixteenth of its weights",
    THREE_UPDATES: "the weights of `flownet_s`, with three flow updates",
    "deepflow": "Weinzaepfel et al. 2013",
    "dis_fine": "Kroeger et al. 2016, at its finest settings",
    "dis_medium": "Kroeger et al. 2016, medium preset of OpenCV",
    "farneback": "Farnebäck 2003",
    "tvl1": "Zach, Pock, Bischof 2007",
    "label:refined": "landmark label, fitted to the images; needs landmarks",
}
_README = Path(__file__).parents[1] / "README.md"
_PAGE = _README.parent / "docs" / "model_card.md"


def recipe() -> str:
    """The settings of the training, as the preset keeps them."""
    about = read_preset(DEFAULT)
    return f"```json\n{json.dumps({'network': about.network} | about.recipe, indent=1)}\n```"


def portraits() -> str:
    """Errors on real faces, moved by a known field."""
    return _tables(_evaluation(real_data("portraits_truth"), METHODS))


def in_short() -> str:
    """The same for README: the mean, small motions, time."""
    evaluation = _evaluation(real_data("portraits_truth"), METHODS)
    rows = []
    for name in [name for name in evaluation.ranking() if name in _IN_SHORT]:
        summary, small = evaluation.summary(name), evaluation.by_motion(name)["0-1 px"]
        figures = [f"{summary['epe_face']:.2f}", f"{small:.2f}", f"{summary['ms_per_pair']:.0f}"]
        rows.append([f"`{name}`", _IN_SHORT[name], *figures])
    return table(["method", "", "error, px", "error below 1 px of motion, px", "ms"], rows)


def rendered(count: int = PAIRS) -> str:
    """Errors on rendered people who are in no training."""
    # TV-L1 would take longer than all others together, and is in the table of docs/benchmarks.md.
    methods = tuple(name for name in METHODS if name != "tvl1")
    with _rendered(count) as folder:
        return _tables(_evaluation(folder, methods))


def uncertainty(count: int = PAIRS) -> str:
    """Expected and true errors, beside the forward-backward difference, on portraits and rendered people."""
    parts = ["Portraits:", *_uncertainty_tables(real_data("portraits_truth"))]
    with _rendered(count) as folder:
        parts += [f"{count} pairs of rendered people:", *_uncertainty_tables(folder)]
    return "\n\n".join(parts)


def _uncertainty_tables(folder: Path) -> list[str]:
    methods = {name: get_uncertain_estimator(name) for name in _UNCERTAIN}
    evaluations = evaluate_uncertainty(folder, methods)
    tables = uncertainty_table(evaluations), calibration_table(evaluations["default"])
    return [table(one.columns, one.rows) for one in tables]


@contextmanager
def _rendered(count: int) -> Iterator[Path]:
    """Render people who are in no training into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        render_pairs(Path(folder) / "rendered", count, seed=SEED)
        yield Path(folder) / "rendered"


def learned_baseline() -> str:
    """Errors on the portraits of RIFE, a learned flow that knows no faces, beside the shipped network."""
    folder = real_data("portraits_truth")
    with ExitStack() as opened:
        methods = {DEFAULT: get_estimator(DEFAULT), "dis_fine": get_estimator("dis_fine")} | {
            f"RIFE 4.0, frames enlarged {factor} times": opened.enter_context(rife(factor))
            for factor in _ENLARGEMENTS
        }
        return _tables(evaluate_flow(folder, methods))


@cache
def _evaluation(folder: Path, methods: tuple[str, ...]) -> FlowEvaluation:
    with tempfile.TemporaryDirectory() as three_updates:
        _save_three_updates(three_updates)
        opened = {name: get_estimator(three_updates if name == THREE_UPDATES else name) for name in methods}
    return evaluate_flow(folder, opened)


def _tables(evaluation: FlowEvaluation) -> str:
    figures = flow_table(evaluation)
    parts = [table(figures.columns, figures.rows), _breakdown(evaluation, FlowEvaluation.by_motion)]
    if evaluation.by_region(DEFAULT):
        parts.append(_breakdown(evaluation, FlowEvaluation.by_region))
    return "\n\n".join(parts)


def _save_three_updates(folder: str) -> None:
    """Save FlowNetS with three flow updates, with the weights of the preset, which has one as published."""
    network = read_preset("flownet_s").network | {"num_flow_updates": 3}
    save_preset(folder, load_network("flownet_s", num_flow_updates=3), Preset(network))


def _breakdown(evaluation: FlowEvaluation, by) -> str:
    values = {name: by(evaluation, name) for name in evaluation.ranking()}
    columns = list(values[DEFAULT])
    return table(
        ["EPE face, px", *columns],
        [[name, *(f"{errors[column]:.3f}" for column in columns)] for name, errors in values.items()],
    )


PARTS = {
    "recipe": recipe,
    "portraits": portraits,
    "rendered": rendered,
    "uncertainty": uncertainty,
    "rife": learned_baseline,
}
IN_README = {"portraits": in_short}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the pages."""
    one_thread_per_operation()  # as `faceflow evaluate`
    named = set(arguments) - {"--write"}
    run_parts(_PAGE, PARTS, arguments, on_request=["rife"])  # it installs PyTorch
    if not named or "portraits" in named:
        run_parts(_README, IN_README, ["portraits", *set(arguments) & {"--write"}])


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
