"""What the network that comes with FaceFlow reaches, beside the classical methods in the same run.

`python -m benchmarks.model_card` prints it; with `--write` it goes into docs/model_card.md. Names of parts
after it run these alone.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.page import run_parts, table
from keras_models.evaluate_flow import FlowEvaluation, evaluate_flow
from keras_models.flow_report import flow_table
from keras_models.methods import open_method
from keras_models.presets import DEFAULT, read_preset
from pipelines.faces.generate import render_pairs

METHODS = (DEFAULT, "zero", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow", "label:refined")
SEED, PAIRS = 2026, 300  # of rendered people whom no training has seen
_PAGE = Path(__file__).parents[1] / "docs" / "model_card.md"


def recipe() -> str:
    """The settings of the training, as the preset keeps them."""
    about = read_preset(DEFAULT)
    return f"```json\n{json.dumps({'network': about.network} | about.recipe, indent=1)}\n```"


def portraits() -> str:
    """Errors on real faces, moved by a known field."""
    folder = Path(os.environ.get("FACEFLOW_DATA", "../shared/data")) / "portraits_truth"
    return _tables(folder, METHODS) if folder.is_dir() else f"{folder}: not at hand."


def rendered(count: int = PAIRS) -> str:
    """Errors on rendered people who are in no training."""
    with tempfile.TemporaryDirectory() as folder:
        render_pairs(Path(folder) / "rendered", count, seed=SEED)
        # TV-L1 would take longer than all others together, and is in the table of docs/benchmarks.md.
        return _tables(Path(folder) / "rendered", tuple(name for name in METHODS if name != "tvl1"))


def _tables(folder: Path, methods: tuple[str, ...]) -> str:
    evaluation = evaluate_flow(folder, {name: open_method(name) for name in methods})
    figures = flow_table(evaluation)
    parts = [table(figures.columns, figures.rows), _breakdown(evaluation, FlowEvaluation.by_motion)]
    if evaluation.by_region(DEFAULT):
        parts.append(_breakdown(evaluation, FlowEvaluation.by_region))
    return "\n\n".join(parts)


def _breakdown(evaluation: FlowEvaluation, by) -> str:
    values = {name: by(evaluation, name) for name in evaluation.ranking()}
    columns = list(values[DEFAULT])
    return table(
        ["EPE face, px", *columns],
        [[name, *(f"{errors[column]:.3f}" for column in columns)] for name, errors in values.items()],
    )


PARTS = {"recipe": recipe, "portraits": portraits, "rendered": rendered}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
