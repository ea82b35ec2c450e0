"""The quick form of the benchmarks forgets none of them."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# What is no benchmark, and what `benchmarks/quick.py` says it leaves out.
OTHERS = {"__init__", "__main__", "quick", "page", "report_pictures", "flownet_s_torch"}
OTHERS |= {"expressions", "paper", "smoothing"}


def test_every_benchmark_has_a_quick_form():
    text = (PROJECT / "benchmarks" / "quick.py").read_text()
    for path in (PROJECT / "benchmarks").glob("*.py"):
        assert path.stem in OTHERS or f"{path.stem}" in text.partition("def main")[0], path.name


def test_an_unknown_argument_is_refused():
    command = [sys.executable, "-m", "benchmarks", "--fast"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 1
    assert "--quick" in done.stderr


@pytest.mark.slow
def test_all_of_them_run():
    before = subprocess.run(["git", "status", "--short"], capture_output=True, cwd=PROJECT, check=True).stdout
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=True)
    assert "quick benchmarks:" in done.stdout
    after = subprocess.run(["git", "status", "--short"], capture_output=True, cwd=PROJECT, check=True).stdout
    assert after == before  # it writes no table
