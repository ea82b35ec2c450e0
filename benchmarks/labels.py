"""Accuracy and speed of the label methods and of classical methods, on pairs with ground truth; one core.

`python -m benchmarks.labels [PART ...] [--write]` prints the results; `--write` writes them into
docs/benchmarks.md.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common.page import bound, run_parts, table
from benchmarks.common.real_data import real_data

_BASELINES = ("dis_fine", "deepflow")
CLASSICAL = ("zero", "dis_medium", "farneback", "deepflow", "dis_fine")
SEED, PAIRS = 2027, 200
_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def portraits() -> str:
    """Return the errors on portraits warped by a known flow."""
    return _tables(real_data("portraits_truth"), (*CLASSICAL, "tvl1"))


def rendered(count: int = PAIRS) -> str:
    """Return the errors on rendered faces, by motion and by region."""
    from pipelines.synthetic.renderer.generate import render_pairs

    with tempfile.TemporaryDirectory() as folder:
        render_pairs(Path(folder) / "rendered", count, seed=SEED)
        # Without TV-L1, which takes longer than all others together.
        return _tables(Path(folder) / "rendered", CLASSICAL)


def _tables(folder: Path, classical: tuple[str, ...]) -> str:
    from keras_models.evaluation.evaluate_flow import evaluate_flow
    from keras_models.inference.estimators import get_estimator
    from pipelines.labels import METHODS

    methods = {name: get_estimator(name) for name in classical}
    found = _find_faces(folder)
    methods |= {f"label:{name}": _label(name, found) for name in METHODS}
    evaluation = evaluate_flow(folder, methods)
    by_motion, by_region = (
        {name: by(name) for name in evaluation.ranking()}
        for by in (evaluation.by_motion, evaluation.by_region)
    )
    first = evaluation.ranking()[0]
    bins, regions = list(by_motion[first]), list(by_region[first])
    rows = []
    for name in evaluation.ranking():
        mean = evaluation.summary(name)
        parts = [by_motion[name][part] for part in bins] + [by_region[name][part] for part in regions]
        errors = [f"{value:.3f}" for value in (mean["epe_face"], *parts)]
        rows.append([f"`{name}`", *errors, f"{mean['coverage']:.1%}", f"{mean['ms_per_pair']:.0f}"])
    pairs = len(evaluation.of(first))
    failed = {error.pair for error in evaluation.failures}
    return (
        f"{pairs} pairs of `{folder.name}`, one core. End-point error in the face in pixels, over all pixels "
        "where the method defines the flow, occluded pixels included: all pairs, by the mean motion of the "
        f"pair{', by region' if regions else ''}. Coverage: share of the face where the flow is defined. "
        "Time: median per pair; for labels without the detection of landmarks. Pairs without a detected "
        f"face, skipped by labels: {len(failed)}.\n\n"
        + table(["method", "all", *bins, *regions, "coverage", "ms"], rows)
    )


def _find_faces(folder: Path) -> dict[int, np.ndarray | None]:
    """Detect the landmarks in all frames of a pair folder, by `_key`; None if there is no face."""
    from pipelines.io.pairs import list_pairs, read_pair
    from pipelines.landmarks.detector import FaceMesh

    found = {}
    with FaceMesh() as face_mesh:
        for name in list_pairs(folder):
            pair = read_pair(folder, name)
            for frame in (pair.frame1, pair.frame2):
                face = face_mesh(frame)
                found[_key(frame)] = face and face.landmarks
    return found


def _key(frame: np.ndarray) -> int:
    return hash(frame.tobytes())


def _label(name: str, found: dict[int, np.ndarray | None]) -> Callable:
    """Return a label method as an estimator, whose time does not include the detection of landmarks."""
    from pipelines.errors import InputError
    from pipelines.labels import make_label

    def method(frame1, frame2):
        points = [found[_key(frame)] for frame in (frame1, frame2)]
        if any(landmarks is None for landmarks in points):
            raise InputError("no face found")
        label = make_label(name, frame1, frame2, *points)
        return label.flow, label.valid

    return method


def refined_speed(pairs: int = 12) -> str:
    """Time the label method `refined`, DIS and DeepFlow on face crops of 256x256."""
    from keras_models.inference.estimators import get_estimator
    from pipelines.image.crops import crop_around
    from pipelines.io.pairs import list_pairs, read_pair
    from pipelines.labels import make_label
    from pipelines.landmarks.detector import FaceMesh, find_face

    folder = real_data("portraits_truth")
    baselines = {name: get_estimator(name) for name in _BASELINES}
    seconds = {name: [] for name in ("refined", "confidence", *_BASELINES)}
    with FaceMesh() as face_mesh:
        for name in list_pairs(folder)[:pairs]:
            pair = read_pair(folder, name)
            frames = pair.frame1, pair.frame2
            points = [find_face(face_mesh, frame, name).landmarks for frame in frames]
            crop = crop_around(np.concatenate(points), 256, margin=0)
            frames, points = [crop.picture(f) for f in frames], [crop.points(p) for p in points]
            label = make_label("refined", *frames, *points)
            calls = {
                "refined": lambda frames=frames, points=points: make_label("refined", *frames, *points),
                "confidence": lambda label=label: label.compute_confidence(),
                **{name: lambda m=method, f=frames: m(*f) for name, method in baselines.items()},
            }
            for name, call in calls.items():
                call()  # compiles
                begin = time.process_time()
                call()
                seconds[name].append(time.process_time() - begin)
    median = {name: 1e3 * statistics.median(times) for name, times in seconds.items()}
    others = ", ".join(f"`{name}` {median[name]:.0f} ms" for name in _BASELINES)
    return (
        f"`refined` takes {median['refined']:.0f} ms on one core for a face crop of 256x256 "
        f"({bound(median['refined'], most=80)}), and "
        f"{median['confidence']:.0f} ms more for its confidence, which training does not use. In the same "
        f"run: {others}."
    )


PARTS = {"labels: speed": refined_speed, "labels: portraits": portraits, "labels: rendered": rendered}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Run the command line, see `run_parts`."""
    cv2.setNumThreads(1)
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
