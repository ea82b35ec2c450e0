"""Number of processor cores."""

import math
import os
from pathlib import Path

# Of a container with control groups of version 2: time and period, microseconds, or "max" for no limit.
_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def num_cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    The affinity of the process counts, and so does the processor time of its container (`docker --cpus`,
    limits of Kubernetes).

    Examples:
        >>> num_cores() >= 1
        True
    """
    # Only Linux has the affinity.
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        time, period = _LIMIT.read_text().split()
        return min(count, max(1, math.ceil(int(time) / int(period))))
    except (OSError, ValueError):  # no such file, or no limit
        return count
