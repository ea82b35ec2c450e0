import os
import subprocess
import sys

PROGRAM = """
import resource
from serving.runtime.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        message = [b"x" * 500_000 for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

cold = faults()
keep_freed_memory()
faults()
print(cold, faults())
"""


def test_messages_are_built_in_memory_that_is_there():
    """Counted by the kernel: page faults of 100 times 2 MB, before and after."""
    # Dask sets MALLOC_TRIM_THRESHOLD_ in the process that starts its workers, which may be this one. With it
    # glibc raises no threshold.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    before, after = map(int, done.stdout.split())
    assert before > 10_000
    assert after < 100
