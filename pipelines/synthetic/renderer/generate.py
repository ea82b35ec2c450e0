"""Rendering of pair folders in parallel processes; an interrupted run can be resumed."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from pipelines.cores import num_cores
from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.io.pairs import RENDER_SETTINGS, read_metadata, write_metadata, write_pair
from pipelines.synthetic.renderer.rendered_pair import (
    PAIRS_PER_PERSON,
    check_pair_settings,
    pair_metadata,
    render_pair,
)

Job = TypeVar("Job")
Progress = Callable[[int, int], None]

# Increased with every change that makes a seed give other images, so that no folder mixes two versions.
_RENDERER_VERSION = 2


def render_pairs(
    folder: Path | str,
    count: int,
    *,
    size: int = 256,
    seed: int = 0,
    mixture: str = "default",
    disturbance: str = "default",
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Render the pairs 0 to count - 1 of a seed into a pair folder.

    Existing pairs are kept. So an interrupted run can be resumed, and a larger `count` adds pairs to a
    folder.

    Args:
        folder: Pair folder to write.
        count: Number of pairs in the finished folder, at least 1; more if there are more already.
        size: Width and height of the frames in pixels, at least 32.
        seed: Seed of the series of pairs, at least 0.
        mixture: Probabilities of the kinds of motion, a key of `sampling.MIXTURES`.
        disturbance: Photometric changes between the frames, a key of `photometry.DISTURBANCES`.
        workers: Number of processes, at least 1; by default one per core.
        progress: Function called with the number of finished pairs and the number of all pairs.

    Raises:
        InputError: if an argument is out of range or unknown, or the folder was rendered with other settings.
    """
    if count < 1:
        raise InputError(f"count must be at least 1, but is {count}")
    check_pair_settings(size, mixture, disturbance)
    folder = Path(folder)
    options = {"size": size, "mixture": mixture, "disturbance": disturbance}
    check_render_settings(folder, {"seed": seed, **options})
    job = partial(_render_one, folder, seed, options)
    metadata = {k: row for k, row in read_metadata(folder).items() if (folder / f"{k}_flow.flo").exists()}
    # An earlier run with a larger count may have been interrupted: the table gets its pairs as well.
    names = (path.name.removesuffix("_flow.flo") for path in folder.glob("*_flow.flo"))
    numbers = {int(name) for name in names if name.isdecimal()} | set(range(count))
    wanted = [k for k in sorted(numbers) if f"{k:05d}" not in metadata]
    for row in parallel_map(job, wanted, workers, PAIRS_PER_PERSON):
        metadata[row["pair"]] = row
        if progress:
            progress(len(metadata), len(numbers))
    write_metadata(folder, [metadata[k] for k in sorted(metadata)])


def check_render_settings(folder: Path, settings: dict) -> None:
    """Write the settings into a folder, or check that they equal those already there.

    Args:
        folder: Folder to render into.
        settings: All settings that the images depend on.

    Raises:
        InputError: if the folder was rendered with other settings, its settings file is damaged, it holds
            something else, or the seed is negative.
    """
    if settings["seed"] < 0:
        raise InputError(f"seed must be at least 0, but is {settings['seed']}")
    path = folder / RENDER_SETTINGS
    settings = settings | {"look": _RENDERER_VERSION}
    if path.exists():
        try:
            found = dict(json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{path}: damaged, so the settings of this folder are unknown; choose another folder"
            ) from error
        if found != settings:
            other = ", ".join(
                f"{key} {found.get(key)!r}" for key in found | settings if found.get(key) != settings.get(key)
            )
            raise InputError(f"{folder}: was rendered with other settings ({other}); choose another folder")
        return
    if folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise InputError(f"{folder}: is a folder with something in it; choose another name")
    with replacing(path) as part:
        part.write_text(json.dumps(settings, indent=1) + "\n")


def parallel_map(
    work: Callable[[Job], object], jobs: Iterable[Job], workers: int | None, chunk: int
) -> Iterator:
    """Run jobs in parallel processes and yield their results in order; in this process if one is enough.

    Args:
        work: Function of a job; must be picklable.
        jobs: Jobs.
        workers: Number of processes, at least 1; None for one per core.
        chunk: Number of consecutive jobs that a process gets at a time.

    Raises:
        InputError: if `workers` is less than 1, or a worker was killed, for example for lack of memory.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, but is {workers}")
    jobs = list(jobs)
    workers = min(workers or num_cores(), -(-len(jobs) // chunk))
    if workers <= 1:
        yield from map(work, jobs)
        return
    work = partial(_run_job, work)
    # Spawned, not forked: a fork would deadlock on the threads of TensorFlow in the parent.
    # A shell starts the background jobs of a script with SIGINT ignored; the workers must ignore it too.
    interruptible = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (interruptible,)) as pool:
        try:
            with _ignoring_sigint():  # inherited by the processes that start here
                results = pool.map(work, jobs, chunksize=chunk)
            yield from results
        except BrokenProcessPool as error:
            raise InputError(
                "a worker was killed, perhaps for lack of memory; run the command again with fewer workers: "
                'finished work is kept. A script that calls this needs `if __name__ == "__main__":`'
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _ignoring_sigint() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread gets signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_interrupted = False  # in a worker: whether it has received SIGINT


def _start_worker(interruptible: bool) -> None:
    import cv2

    cv2.setNumThreads(1)  # there is a process per core already
    # As an exception, so that what is half-written is removed, if all processes are ended.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if interruptible:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(*_: object) -> None:
    """Stop before the next job: an exception in the middle of one may be lost in a callback from C."""
    global _interrupted
    _interrupted = True


def _run_job(work: Callable[[Job], object], job: Job) -> object:
    if _interrupted:
        raise InterruptedError("interrupted")
    return work(job)


def _render_one(folder: Path, seed: int, options: dict, k: int) -> dict[str, str]:
    if (folder / f"{k:05d}_flow.flo").exists():  # the flow is written last
        return pair_metadata(seed, k, **options)
    pair = render_pair(seed, k, **options)
    write_pair(folder, pair)
    return pair.metadata
