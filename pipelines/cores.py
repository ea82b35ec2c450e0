"""Number of processor cores."""

import os


def num_cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    Examples:
        >>> num_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):  # only on Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
