"""STSTNet as its authors' program trains it, in a process and an environment of its own, which uv makes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common.script import run_script

_SCRIPT = Path(__file__).parent / "ststnet_torch.py"


def ststnet(
    pictures: Sequence[Path],
    labels: Sequence[int],
    subjects: Sequence[str],
    *,
    weights: Path | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Classify each subject's pictures by a network that was trained on all others.

    The first time, uv downloads PyTorch (0.5 GB, and more with the CUDA libraries that it asks for).

    Args:
        pictures: Features, 28 x 28, as `published_features` describes them.
        labels: Class of each picture.
        subjects: Subject of each picture.
        weights: Folder with the authors' weights of each fold, `SUBJECT.pth`; None to train.
        seed: Seed of the weights and of dropout.

    Returns:
        Class of each picture, int [N].

    Raises:
        RuntimeError: If uv is missing or the program fails.
    """
    request = {
        "pictures": [str(path.absolute()) for path in pictures],
        "labels": [int(label) for label in labels],
        "subjects": list(subjects),
        "weights": weights and str(Path(weights).absolute()),
        "seed": seed,
    }
    return np.array(run_script(_SCRIPT, request))
