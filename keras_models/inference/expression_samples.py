"""Samples of corpora that are named on the command line, as `casme2=DIR`, with a flow method."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from keras_models.inference.estimators import files_key, get_estimator
from keras_models.presets import SHIPPED
from pipelines.datasets.tasks import COMPOSITE, get_task
from pipelines.errors import InputError
from pipelines.files import cache_folder
from pipelines.library_versions import library_versions
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.samples import Samples, composite_samples
from pipelines.micro_expressions.task_samples import task_samples

#: Estimator of flow that finds apexes: the same frames are then looked at by whatever method, and it is fast.
SPOTTER = "dis_medium"


def open_samples(
    corpora: Sequence[str],
    method: str,
    remove_head: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
    task: str = COMPOSITE,
) -> tuple[Samples, dict]:
    """Compute the features of corpora, or read them from the cache.

    Args:
        corpora: Corpora, each as `NAME=DIR`.
        method: Flow method, as `get_estimator` takes it.
        remove_head: Whether the head's motion is removed, see `flow_features`.
        progress: Function called with the number of finished clips and the number of all.
        task: Name of the labels: composite, or a key of `tasks.TASKS`.

    Returns:
        The samples, of type `TaskSamples` unless the task is composite; and task, corpora, method and head
        removal for the recipe.

    Raises:
        InputError: If a corpus is not given as `NAME=DIR` or the method or the task is unknown, and as
            `composite_samples` and `task_samples` do.
    """
    sources = corpus_folders(corpora)
    read = composite_samples if task == COMPOSITE else partial(task_samples, get_task(task, sources))
    samples = read(
        sources,
        estimator(method),
        f"{method_key(method)}, apexes: {method_key(SPOTTER)}",
        estimator(SPOTTER),
        cache_folder() / "features",
        remove_head,
        progress,
    )
    if method not in SHIPPED and Path(method).is_dir():
        method = str(Path(method).absolute())  # the classifier may be used from another folder
    about = {
        "corpora": {name: str(folder) for name, folder in sources.items()},
        "method": method,
        "method_key": files_key(method),
    }
    return samples, {"task": task} | about | {"remove_head": remove_head}


def corpus_folders(corpora: Sequence[str]) -> dict[str, Path]:
    """Return the folders of corpora by name.

    Args:
        corpora: Corpora, each as `NAME=DIR`.

    Raises:
        InputError: If a corpus is not given as `NAME=DIR`, a name is given twice, or there is none.

    Examples:
        >>> corpus_folders(["casme2=/data/CASME2"])
        {'casme2': PosixPath('/data/CASME2')}
    """
    sources = {}
    for text in corpora:
        name, is_pair, folder = text.partition("=")
        if not is_pair or not folder:
            raise InputError(f"corpus {text!r}: write NAME=DIR, for instance casme2=/data/CASME2")
        if name in sources:
            raise InputError(f"corpus {name!r} is named twice")
        sources[name] = Path(folder)
    if not sources:
        raise InputError("no corpus is named; for instance --corpus casme2=/data/CASME2")
    return sources


def estimator(method: str) -> Estimate:
    """Return a flow estimator as a function of two frames that returns the flow alone, without validity."""
    run = get_estimator(method)

    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> np.ndarray:
        return run(frame1, frame2)[0]

    return estimate


def method_key(method: str) -> str:
    """Return a key of what a method computes: its name or its network's files, and versions of libraries."""
    libraries = library_versions("OpenCV", "TensorFlow").items()
    return ", ".join([files_key(method), *(f"{name} {number}" for name, number in libraries)])
