"""Time and peak memory of a command, without the memory of the process that starts it."""

import subprocess
import sys
from collections.abc import Sequence

# Linux lets `ru_maxrss` of a program begin with the peak of the process that starts it. A benchmark holds
# TensorFlow; this program holds next to nothing.
_STARTER = """
import resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds, usage = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, seconds, usage.ru_maxrss / 1024)
"""


def measured(command: Sequence[object]) -> tuple[float, float]:
    """Run a command.

    Args:
        command: Program and arguments. Its output is dropped.

    Returns:
        Seconds until it ended, and the most memory that it or a process of its own has held, MiB.

    Raises:
        RuntimeError: If it fails.
    """
    words = list(map(str, command))
    done = subprocess.run(
        [sys.executable, "-S", "-c", _STARTER, *words], check=True, capture_output=True, text=True
    )
    status, seconds, mebibytes = done.stdout.split()
    if int(status):
        raise RuntimeError(f"{' '.join(words)} failed: {done.stderr.strip()[-500:]}")
    return float(seconds), float(mebibytes)
