# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["scikit-learn==1.5.2", "numpy<2", "scipy"]
# ///
"""A support vector machine on features of micro-expressions, as a rival that learns no filters.

Run by `benchmarks.rivals.svm` in an environment of its own. Features are averaged over 3 x 3 pixels and every
second pixel is kept. Training clips are also mirrored, and the answers to a clip and its mirror image are
averaged. Each subject is left out once. The settings are the first ones that were tried.

Arguments: a JSON with `features` ([N, 28, 28, 3]: u, v, strain), `labels` and `subjects`, and the file for
the answer, a JSON list with the class of each clip.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter
from sklearn.svm import SVC

COST = 2.0


def mirrored(features: np.ndarray) -> np.ndarray:
    """Mirror left and right; u changes its sign."""
    return features[:, :, ::-1] * np.array([-1, 1, 1])


def left_out(features: np.ndarray, labels: np.ndarray, subjects: np.ndarray, subject: str) -> np.ndarray:
    """Return the classes of the clips of a subject, by a machine that is trained on all others."""
    both = [each.reshape(len(each), -1) for each in (features, mirrored(features))]
    training = subjects != subject
    machine = SVC(C=COST, class_weight="balanced")
    machine.fit(np.concatenate([each[training] for each in both]), np.tile(labels[training], 2))
    return machine.classes_[sum(machine.decision_function(each[~training]) for each in both).argmax(axis=1)]


def main() -> None:
    """Classify the clips of all subjects."""
    job = json.loads(Path(sys.argv[1]).read_text())
    features = np.array(job["features"])
    features = uniform_filter(features, (0, 3, 3, 0))[:, ::2, ::2]
    labels, subjects = np.array(job["labels"]), np.array(job["subjects"])
    names = sorted(set(job["subjects"]))
    classes = np.empty_like(labels)
    with ProcessPoolExecutor() as pool:
        found = pool.map(partial(left_out, features, labels, subjects), names)
        for name, of_subject in zip(names, found, strict=True):
            classes[subjects == name] = of_subject
    Path(sys.argv[2]).write_text(json.dumps(classes.tolist()))


if __name__ == "__main__":
    main()
