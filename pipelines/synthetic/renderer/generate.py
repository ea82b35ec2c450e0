"""Whole folders of rendered pairs: over all cores, and from where it stopped the last time."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.io.pairs import read_metadata, write_metadata, write_pair
from pipelines.synthetic.renderer.imaging.photometry import DISTURBANCES
from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, pair_facts, render_pair
from pipelines.synthetic.renderer.sampling import MIXTURES

Job = TypeVar("Job")
Progress = Callable[[int, int], None]

# Raised with every change by which the same seed gives other pictures: a folder does not mix them.
_LOOK = 2
_SETTINGS = "render.json"


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
    """Render pairs 0 to count - 1 of a series into a pair folder.

    Pairs that are there already are kept, so that a run that was interrupted goes on where it stopped, and a
    larger `count` adds to a folder.

    Args:
        folder: where to.
        count: how many pairs the folder holds in the end.
        size: height and width in pixels.
        seed: of the series.
        mixture: a key of `sampling.MIXTURES`.
        disturbance: a key of `photometry.DISTURBANCES`.
        workers: processes; one for each core by default.
        progress: called with the number of pairs done and the number of all.

    Raises:
        InputError: for a count, size, mixture or disturbance that makes no sense, or a folder of other
            settings.
    """
    if count < 1 or size < 32:
        raise InputError(f"cannot render {count} pairs of {size}x{size} pixels; at least 1 of 32x32")
    if mixture not in MIXTURES:
        raise InputError(f"unknown mixture {mixture!r}; there are: {', '.join(MIXTURES)}")
    if disturbance not in DISTURBANCES:
        raise InputError(f"unknown disturbance {disturbance!r}; there are: {', '.join(DISTURBANCES)}")
    folder = Path(folder)
    options = {"size": size, "mixture": mixture, "disturbance": disturbance}
    settle(folder, {"seed": seed, **options})
    job = partial(_render_one, folder, seed, options)
    facts = {k: row for k, row in read_metadata(folder).items() if (folder / f"{k}_flow.flo").exists()}
    wanted = [k for k in range(count) if f"{k:05d}" not in facts]
    for row in in_parallel(job, wanted, workers, PAIRS_PER_PERSON):
        facts[row["pair"]] = row
        if progress:
            progress(len(facts), count)
    write_metadata(folder, [facts[k] for k in sorted(facts)])


def settle(folder: Path, settings: dict) -> None:
    """Note in a folder what it is made with, or make sure that it was made with the same.

    Raises:
        InputError: if the folder is of other settings, or its note cannot be read; for a negative seed.
    """
    if settings["seed"] < 0:
        raise InputError(f"seed {settings['seed']}: seeds are 0 or more")
    path = folder / _SETTINGS
    settings = settings | {"look": _LOOK}
    if path.exists():
        try:
            found = dict(json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{path}: damaged, so what the folder was rendered with is unknown; choose another folder"
            ) from error
        if found != settings:
            other = ", ".join(
                f"{key} {found.get(key)!r}" for key in found | settings if found.get(key) != settings.get(key)
            )
            raise InputError(f"{folder}: was rendered with other settings ({other}); choose another folder")
        return
    with replacing(path) as part:
        part.write_text(json.dumps(settings, indent=1) + "\n")


def in_parallel(
    work: Callable[[Job], object], jobs: Iterable[Job], workers: int | None, chunk: int
) -> Iterator:
    """Do the jobs over processes and yield their results in order; here if one worker is enough.

    Raises:
        InputError: for less than one worker, or if a worker was killed, as for want of memory.
    """
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers: at least 1")
    jobs = list(jobs)
    workers = min(workers or len(os.sched_getaffinity(0)), -(-len(jobs) // chunk))
    if workers <= 1:
        yield from map(work, jobs)
        return
    work = partial(_do_unless_stopped, work)
    # Spawned, not forked: the parent may have threads (TensorFlow's) that a fork would leave stuck.
    heard = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN  # not in the background of a shell's script
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (heard,)) as pool:
        try:
            with _deaf_to_ctrl_c():  # which processes inherit that are started meanwhile
                results = pool.map(work, jobs, chunksize=chunk)
            yield from results
        except BrokenProcessPool as error:
            raise InputError(
                "a worker was killed, perhaps for want of memory; run it again with fewer workers: "
                "what is done already is kept"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only that one hears it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_stopped = False  # of a worker: whether it has heard Ctrl-C


def _begin(hears_ctrl_c: bool) -> None:
    import cv2

    cv2.setNumThreads(1)  # every core has a process of its own already
    if hears_ctrl_c:
        signal.signal(signal.SIGINT, _stop)


def _stop(*_: object) -> None:
    """End between two jobs: in the middle of one, Python may lose the exception in code that C calls back."""
    global _stopped
    _stopped = True


def _do_unless_stopped(work: Callable[[Job], object], job: Job) -> object:
    if _stopped:
        raise InterruptedError("stopped by Ctrl-C")
    return work(job)


def _render_one(folder: Path, seed: int, options: dict, k: int) -> dict[str, str]:
    if (folder / f"{k:05d}_flow.flo").exists():  # the flow is written last
        return pair_facts(seed, k, **options)
    pair = render_pair(seed, k, **options)
    write_pair(folder, pair)
    return pair.metadata
