"""Times of calls."""

import statistics
import time
from collections.abc import Callable

ROUNDS = 5


def median_seconds(
    *calls: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Return the median time of each call; they are made in turns, so that noise falls on all alike."""
    times = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times, strict=True):
            begin = clock()
            call()
            taken.append(clock() - begin)
    return [statistics.median(taken) for taken in times]
