"""Every label method beside the classical methods, on pairs whose motion is known; one core.

Run as `python -m benchmarks.labels [PAIRS]`; without a folder, the real faces under FACEFLOW_DATA.
"""

import os
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

_RIVALS = ("dis_fine", "deepflow")
CLASSICAL = ("zero", "dis_medium", "farneback", "tvl1", "deepflow", "dis_fine")


def measure(folder: Path):
    """Run all methods over a pair folder and return the `FlowEvaluation`.

    The times of label methods are those of the label alone: the landmarks are found beforehand.
    """
    from keras_models.evaluate_flow import evaluate_flow
    from keras_models.methods import open_method
    from pipelines.labels import METHODS, make_label
    from pipelines.landmarks import FaceMesh, find_face
    from pipelines.pairs import list_pairs, read_pair

    with FaceMesh() as face_mesh:
        found = {}
        for name in list_pairs(folder):
            pair = read_pair(folder, name)
            for frame in (pair.frame1, pair.frame2):
                found[hash(frame.tobytes())] = find_face(face_mesh, frame, name).landmarks

    def label(name):
        def method(frame1, frame2):
            points = (found[hash(frame.tobytes())] for frame in (frame1, frame2))
            made = make_label(name, frame1, frame2, *points)
            return made.flow, made.valid

        return method

    methods = {name: open_method(name) for name in CLASSICAL}
    methods |= {f"label:{name}": label(name) for name in METHODS}
    return evaluate_flow(folder, methods)


def refined_speed(folder: Path, pairs: int = 12) -> str:
    """The label `refined` on 256x256 crops that the face fills, beside DIS and DeepFlow on the same crops."""
    from pipelines.crops import crop_around
    from pipelines.labels import make_label
    from pipelines.landmarks import FaceMesh, find_face
    from pipelines.pairs import list_pairs, read_pair

    taken = {name: [] for name in ("refined", "confidence", *_RIVALS)}
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
                "confidence": lambda label=label: label.rate(),
                **{name: lambda m=method, f=frames: m(*f) for name, method in _rivals().items()},
            }
            for name, call in calls.items():
                call()  # compiles
                begin = time.process_time()
                call()
                taken[name].append(time.process_time() - begin)
    median = {name: 1e3 * statistics.median(times) for name, times in taken.items()}
    rivals = ", ".join(f"{name} {median[name]:.0f}" for name in _RIVALS)
    return (
        f"refined: {median['refined']:.0f} ms of one core's time for a pair of 256x256 that the face fills "
        f"(bound 80), {median['confidence']:.0f} more where its confidence is asked for; "
        f"in the same run {rivals}"
    )


def _rivals() -> dict:
    from keras_models.methods import open_method

    return {name: open_method(name) for name in _RIVALS}


def main() -> None:
    """Measure and print."""
    data = Path(os.environ.get("FACEFLOW_DATA", "../shared/data"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else data / "portraits_truth"
    if not folder.is_dir():
        print(f"labels: not measured, there are no pairs at {folder} (set FACEFLOW_DATA)")
        return
    cv2.setNumThreads(1)
    print(refined_speed(folder), flush=True)
    evaluation = measure(folder)
    pairs = len(evaluation.of(evaluation.methods[0]))
    print(f"labels: {pairs} pairs of {folder.name}, end-point error in the face in pixels, one core")
    bins = list(evaluation.by_motion(evaluation.methods[0]))
    print(f"{'method':20}{'all':>8}" + "".join(f"{name:>10}" for name in bins) + f"{'coverage':>10}{'ms':>7}")
    for method in evaluation.methods:
        mean, motion = evaluation.summary(method), evaluation.by_motion(method)
        figures = "".join(f"{motion.get(name, float('nan')):10.3f}" for name in bins)
        print(
            f"{method:20}{mean['epe_face']:8.3f}{figures}{mean['coverage']:10.3f}{mean['ms_per_pair']:7.1f}"
        )


if __name__ == "__main__":
    main()
