import os
import subprocess
import sys

import pytest

from pipelines import cores
from pipelines.cores import num_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only on Linux")
def test_the_cores_of_this_process():
    """One that may use a single core, as in a container with a CPU set."""
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    program += "from pipelines.cores import num_cores; print(num_cores())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "1\n"


def test_systems_without_affinity(monkeypatch, tmp_path):
    """macOS and Windows."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(cores, "_LIMIT", tmp_path / "none")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert num_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert num_cores() == 1


@pytest.mark.parametrize(
    ("limit", "expected"), [("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("max 100000", 8)]
)
def test_the_limit_of_a_container(monkeypatch, tmp_path, limit, expected):
    """As `docker run --cpus` writes it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    monkeypatch.setattr(cores, "_LIMIT", tmp_path / "cpu.max")
    assert num_cores() == expected
