"""The experiment of the paper: one network and one training budget on five kinds of training data.

`python -m benchmarks.paper [FOLDER] [--steps N]` makes the data and the runs in FOLDER, or a temporary one,
goes on with what is there, and prints the table; with `--write` it goes into docs/paper.md. By default
FlowNetS is small and sees small crops; `--width`, `--size` and `--steps` make it larger.
"""

import argparse
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.common.page import NotMeasured, publish, table
from benchmarks.common.real_data import real_data
from pipelines.errors import InputError
from pipelines.files import write_json

WHAT = {
    "shapes": "moving shapes, no faces",
    "landmarks": "rendered clips, labels from landmarks",
    "synthesised": "the same clips, frame 2 made from the label",
    "rendered": "rendered pairs, exact flow",
    "mix": "half shapes, half rendered pairs",
}
BASELINES = ("zero", "dis_medium", "dis_fine", "farneback")
PAIRS, TESTED = 4000, 100  # pairs to learn from, and rendered people never seen to test on
_STEP = 5  # frames between the landmarks that are compared on real clips
_PAGE = Path(__file__).parents[1] / "docs" / "paper.md"


def training_data(folder: Path, pairs: int) -> dict[str, Path]:
    """Make what is not there yet, and return the folder of each kind of data."""
    from pipelines.cores import num_cores
    from pipelines.records.build_config import BuildConfig
    from pipelines.records.builder import build
    from pipelines.synthetic.rendered_corpora import render_corpus
    from pipelines.synthetic.renderer.generate import render_pairs

    _write_pairs(folder / "shapes", pairs, lambda k: "shape")
    render_pairs(folder / "rendered", pairs, seed=21)
    _write_pairs(folder / "mix", pairs, lambda k: "shape" if k // 4 % 2 else "face")
    render_corpus("ckplus", folder / "ckplus", subjects=min(40, max(4, pairs // 100)))
    config = BuildConfig(corpus="ckplus", pairs=f"every:{_STEP}")
    build(folder / "ckplus", folder / "records", config, workers=num_cores())
    records = folder / "records"
    return {name: folder / name for name in ("shapes", "rendered", "mix")} | {
        "landmarks": records,
        "synthesised": records,
    }


def _write_pairs(folder: Path, count: int, kind) -> None:
    from pipelines.io.pairs import write_metadata, write_pair
    from pipelines.synthetic.renderer.rendered_pair import render_pair
    from pipelines.synthetic.shapes import shape_pair

    if (folder / "pairs.csv").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    facts = []
    for k in range(count):
        pair = (shape_pair if kind(k) == "shape" else render_pair)(21, k)
        write_pair(folder, pair)
        facts.append({name: pair.metadata[name] for name in ("pair", "subject")})
    write_metadata(folder, facts)


def train(name: str, data: Path, run: Path, width: float, size: int, steps: int) -> None:
    """Train FlowNetS on one kind of data; nothing if that is done."""
    from keras_models.training.flow_training_config import FlowTrainingConfig
    from keras_models.training.train_flow import train_flow

    config = FlowTrainingConfig(
        network="flownet_s",
        width=width,
        size=size,
        batch_size=8,
        epochs=5,
        steps_per_epoch=steps // 5,
        learning_rate=1e-3,
        warmup_steps=min(200, steps // 5),
        label="synthesised" if name == "synthesised" else "mesh",
        validation_share=0.05,
    )
    train_flow(data, run, config)


def landmark_errors(methods: dict) -> dict[str, float]:
    """Mean distance between where the flow leads a landmark and where Face Mesh finds it, pixels.

    On the clips of GRID, smoothed landmarks, some frames apart. The landmarks have errors of their own.
    """
    from pipelines.image.warping import sample
    from pipelines.io.video import read_frames
    from pipelines.landmarks.detector import FaceMesh
    from pipelines.landmarks.smoothing import smooth_tracks

    clips = sorted(real_data("grid").glob("*.mpg"))
    errors: dict[str, list[float]] = {name: [] for name in methods}
    for clip in clips:
        frames = list(read_frames(clip))
        with FaceMesh(tracking=True) as face_mesh:
            found = [face_mesh(frame) for frame in frames]
        nowhere = np.full((478, 2), np.nan, np.float32)
        tracks = smooth_tracks(np.stack([nowhere if face is None else face.landmarks for face in found]))
        for k in range(0, len(frames) - _STEP, _STEP):
            moved = tracks[k + _STEP] - tracks[k]
            if np.isfinite(moved).all():
                for name, method in methods.items():
                    flow = method(frames[k], frames[k + _STEP])[0]
                    at = sample(flow, tracks[k][None])[0]
                    errors[name].append(float(np.linalg.norm(at - moved, axis=-1).mean()))
    return {name: float(np.mean(values)) if values else float("nan") for name, values in errors.items()}


def claim(folder: Path, settings: dict[str, float]) -> None:
    """Note the settings in a folder of data and runs.

    Raises:
        InputError: If it holds data and runs of other settings, which would be taken for those of these.
    """
    path = folder / "experiment.json"
    if path.exists():
        if (found := json.loads(path.read_text())) != settings:
            raise InputError(
                f"{folder}: holds an experiment with other settings ({found}); use another folder"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is a folder with something in it; use another one")
    write_json(path, settings)


def experiment(folder: Path, width: float, size: int, steps: int, pairs: int, tested: int) -> str:
    """Train on each kind of data, and test all on the same."""
    from keras_models.evaluation.evaluate_flow import evaluate_flow
    from keras_models.inference.estimators import get_estimator
    from pipelines.synthetic.renderer.generate import render_pairs

    settings = {"width": width, "size": size, "steps": steps, "pairs": pairs, "tested": tested}
    claim(folder, settings)
    data = training_data(folder, pairs)
    for name in WHAT:
        train(name, data[name], folder / f"run_{name}", width, size, steps)
    methods = {name: get_estimator(str(folder / f"run_{name}")) for name in WHAT}
    methods |= {name: get_estimator(name) for name in BASELINES}
    render_pairs(folder / "unseen", tested, seed=2026)
    tests = {"rendered": evaluate_flow(folder / "unseen", methods)}
    with suppress(NotMeasured):
        tests["portraits"] = evaluate_flow(real_data("portraits_truth"), methods)
    columns = {name: {m: test.summary(m)["epe_face"] for m in methods} for name, test in tests.items()}
    with suppress(NotMeasured):
        columns["landmarks of real clips"] = landmark_errors(methods)
    rows = []
    for name in methods:
        errors = [f"{column[name]:.3f}" for column in columns.values()]
        rows.append([f"FlowNetS, {name}" if name in WHAT else f"`{name}`", WHAT.get(name, ""), *errors])
    head = (
        f"FlowNetS at width {width:g}, {steps} steps of 8 crops of {size} px each; error in the face in "
        "pixels.\n\n"
    )
    return head + table(["flow", "learned from", *columns], rows)


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the table, and with `--write` put it into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paper", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where data and runs are kept")
    parser.add_argument("--width", type=float, default=0.25, help="of the network (0.25)")
    parser.add_argument("--size", type=int, default=128, help="of the crops in pixels (128)")
    parser.add_argument("--steps", type=int, default=2000, help="of each training (2000)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"to learn from ({PAIRS})")
    parser.add_argument("--tested", type=int, default=TESTED, help=f"rendered pairs to test on ({TESTED})")
    parser.add_argument("--write", action="store_true", help="put the table into docs/paper.md")
    options = parser.parse_args(arguments or None)
    try:
        if options.write:
            for name in ("portraits_truth", "grid"):  # in the page: missed before hours of training
                real_data(name)
        with tempfile.TemporaryDirectory() as scratch:
            found = experiment(
                options.folder or Path(scratch),
                options.width,
                options.size,
                options.steps,
                options.pairs,
                options.tested,
            )
    except (InputError, NotMeasured) as error:
        parser.error(str(error))
    publish(_PAGE, "experiment", found, options.write)


if __name__ == "__main__":
    main()
