# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["scikit-learn==1.5.2", "numpy<2"]
# ///
"""A support vector machine (RBF kernel) on features of micro-expressions, as a baseline without a network.

Run by `benchmarks.baselines.svm` in an environment of its own. Features are averaged over 2 x 2 pixels.
Training clips are also mirrored, and the decision values of a clip and its mirror image are averaged. Each
subject is left out once.

Arguments: a JSON with `features` ([N, 28, 28, 3]: u, v, strain), `labels` and `subjects`, and the file for
the answer, a JSON list with the class of each clip.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

C = 2.0


def mirrored(features: np.ndarray) -> np.ndarray:
    """Mirror left and right, [..., W, 3]; u changes its sign."""
    return features[:, :, ::-1] * np.array([-1, 1, 1])


def left_out(features: np.ndarray, labels: np.ndarray, subjects: np.ndarray, subject: str) -> np.ndarray:
    """Classify the clips of a subject by a machine that is trained on those of all others.

    Args:
        features: float [N, 14, 14, 3].
        labels: int [N].
        subjects: str [N].
        subject: Subject who is left out, with M clips.

    Returns:
        int [M].
    """
    both = [each.reshape(len(each), -1) for each in (features, mirrored(features))]
    training = subjects != subject
    machine = SVC(C=C, class_weight="balanced")
    machine.fit(np.concatenate([each[training] for each in both]), np.tile(labels[training], 2))
    return machine.classes_[sum(machine.decision_function(each[~training]) for each in both).argmax(axis=1)]


def main() -> None:
    """Classify the clips of all subjects."""
    request = json.loads(Path(sys.argv[1]).read_text())
    features = np.array(request["features"]).reshape(-1, 14, 2, 14, 2, 3).mean(axis=(2, 4))
    labels, subjects = np.array(request["labels"]), np.array(request["subjects"])
    names = sorted(set(request["subjects"]))
    classes = np.empty_like(labels)
    with ProcessPoolExecutor() as pool:
        found = pool.map(partial(left_out, features, labels, subjects), names)
        for name, of_subject in zip(names, found, strict=True):
            classes[subjects == name] = of_subject
    Path(sys.argv[2]).write_text(json.dumps(classes.tolist()))


if __name__ == "__main__":
    main()
