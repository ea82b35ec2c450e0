"""Tasks spread over processes of this machine, or over the workers of a Dask scheduler."""

import logging
import signal
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.errors import InputError

_SECONDS_TO_CONNECT = 10
_SECONDS_TO_FIRST_WORKER = 120


def run_tasks(
    function: Callable[..., Any], tasks: Iterable[tuple], workers: int = 1, scheduler: str | None = None
) -> Iterator[tuple[tuple, Any]]:
    """Call a function with the arguments of each task, and yield what comes of them as it comes.

    A task whose worker is killed is given to another one; it fails when that has happened to it four times
    with others at work, and then four times alone.

    Args:
        function: can be imported by the workers.
        tasks: tuples of arguments, which can be pickled.
        workers: processes to start, but no more than tasks; with 1 the calls are made in this process.
        scheduler: `tcp://HOST:PORT` of a running `dask scheduler`, to use its workers instead.

    Yields:
        (task, what the function returned or the exception that it raised), in the order of completion.

    Raises:
        InputError: if the scheduler cannot be reached, has no workers or goes away.
    """
    tasks = list(tasks)
    workers = min(workers, len(tasks))
    if scheduler is None and workers <= 1:
        for task in tasks:
            yield task, _outcome(function, task)
    elif tasks:
        with _client(workers, scheduler) as client:
            yield from _gather(client, function, tasks, scheduler)


def _outcome(function: Callable[..., Any], task: tuple) -> Any:
    try:
        return function(*task)
    except Exception as error:
        return error


def _gather(client, function, tasks: list[tuple], scheduler: str | None) -> Iterator[tuple[tuple, Any]]:
    from distributed import KilledWorker

    # Dask also blames the tasks that wait in a worker that is killed. So those are tried again, one by one.
    suspects = []
    for task, outcome in _completed(client, function, tasks, scheduler):
        if isinstance(outcome, KilledWorker):
            suspects.append(task)
        else:
            yield task, outcome
    for suspect in suspects:
        for task, outcome in _completed(client, function, [suspect], scheduler):
            if isinstance(outcome, KilledWorker):
                outcome = InputError("its worker was killed again and again; is there memory enough?")
            yield task, outcome


def _completed(client, function, tasks: list[tuple], scheduler: str | None) -> Iterator[tuple[tuple, Any]]:
    from distributed import CancelledError, as_completed
    from distributed.core import CommClosedError

    # A scheduler remembers results by key, also those of an earlier build.
    build = uuid.uuid4().hex
    pending = {
        client.submit(_outcome, function, task, key=f"{build}-{number}", pure=False): task
        for number, task in enumerate(tasks)
    }
    for future in as_completed(list(pending)):
        task = pending.pop(future)
        try:
            outcome = future.result()
        except (CancelledError, CommClosedError, TimeoutError) as error:
            raise InputError(
                f"{scheduler or 'the workers'}: the scheduler went away with {len(pending) + 1} clips to do; "
                "start it and run the same command again, which goes on from here"
            ) from error
        except Exception as error:  # killed workers, or one of another environment, which lacks a package
            outcome = error
        future.release()
        yield task, outcome


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    # Imported here: it takes seconds, and one process does without it.
    from distributed import Client, LocalCluster

    # What matters of its log becomes an error of ours.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,  # a clip needs little, and what else the machine does is not Dask's business
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            client.run(_ignore_interrupts)
            yield client
        return
    try:
        client = Client(scheduler, timeout=_SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{scheduler}: no scheduler answers there; start one with `dask scheduler`, and name it as "
            "tcp://HOST:PORT"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS_TO_FIRST_WORKER)
        except TimeoutError as error:
            raise InputError(
                f"{scheduler}: the scheduler has no workers; start some with `dask worker {scheduler}`"
            ) from error
        yield client


def _ignore_interrupts() -> None:
    """Ctrl-C reaches all processes of a terminal; this one ends when the one that started it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
