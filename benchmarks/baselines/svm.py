"""A support vector machine by scikit-learn, in a process and an environment of its own, which uv makes."""

from pathlib import Path

import numpy as np

from benchmarks.common.script import run_script
from pipelines.micro_expressions.samples import Samples

_SCRIPT = Path(__file__).parent / "svm_sklearn.py"


def support_vector_machine(samples: Samples) -> np.ndarray:
    """Classify each subject's samples by a support vector machine that was trained on all others.

    The first time, uv downloads scikit-learn.

    Args:
        samples: Features, labels and subjects.

    Returns:
        Class of each sample, int [N].

    Raises:
        RuntimeError: If uv is missing or the program fails.
    """
    request = {
        "features": np.round(samples.features, 4).tolist(),  # short, for JSON
        "labels": [int(label) for label in samples.labels],
        "subjects": list(samples.subjects),
    }
    return np.array(run_script(_SCRIPT, request))
