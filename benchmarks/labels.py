"""Every label method beside the classical methods, on pairs whose motion is known; one core.

Run as `python -m benchmarks.labels [PAIRS]`; without a folder, the real faces under FACEFLOW_DATA.
"""

import os
import sys
from pathlib import Path

import cv2

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


def main() -> None:
    """Measure and print."""
    data = Path(os.environ.get("FACEFLOW_DATA", "../shared/data"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else data / "portraits_truth"
    if not folder.is_dir():
        print(f"labels: not measured, there are no pairs at {folder} (set FACEFLOW_DATA)")
        return
    cv2.setNumThreads(1)
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
