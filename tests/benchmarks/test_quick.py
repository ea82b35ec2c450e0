"""The quick form of the benchmarks forgets none of them."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import benchmarks.__main__

PROJECT = Path(__file__).parents[2]
# What is no benchmark, and what `benchmarks/common/quick.py` says it leaves out.
OTHERS = {
    "__init__",
    "__main__",
    "report_pictures",
    "clip_picture",
    "web_sample",
    "paper",
    "clips",
    "smoothing",
    "runtimes",
}


def test_every_benchmark_has_a_quick_form():
    text = (PROJECT / "benchmarks" / "common" / "quick.py").read_text()
    folder = PROJECT / "benchmarks"
    packages = [path.parent for path in folder.glob("*/__main__.py")]
    for path in [*folder.glob("*.py"), *(folder / "pictures").glob("*.py"), *packages]:
        assert path.stem in OTHERS or f"{path.stem}" in text.partition("def main")[0], path.name


def test_an_unknown_argument_is_refused():
    command = [sys.executable, "-m", "benchmarks", "--fast"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 1
    assert "--quick" in done.stderr


def test_make_bench_writes_what_has_a_page(monkeypatch):
    """All but what docs/benchmarks.md says is left to commands of its own."""
    left_out = {"paper", "clips", "runtimes"}
    classifiers = {path.stem for path in (PROJECT / "benchmarks" / "classifiers").glob("[!_]*.py")}
    page = (PROJECT / "docs" / "benchmarks.md").read_text().partition("## ")[0]
    assert all(f"benchmarks.{name}" in page for name in left_out)
    assert all(f"benchmarks.classifiers.{name}" in page for name in classifiers)
    files = (PROJECT / "benchmarks").glob("*.py")
    with_page = {path.stem for path in files if "_PAGE = " in path.read_text()} - left_out
    told = []

    def run(words, check):
        told.append(words[1:])
        return subprocess.CompletedProcess(words, returncode=int(words[2] == "benchmarks.labels"))

    monkeypatch.setattr("benchmarks.__main__.subprocess", SimpleNamespace(run=run))
    monkeypatch.setattr("benchmarks.common.command_line.main", lambda: None)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--write"])
    with pytest.raises(SystemExit, match="benchmarks: failed: labels"):
        benchmarks.__main__.main()
    expected = [["-m", f"benchmarks.{name}", "--write"] for name in with_page | {"serving"}]
    assert sorted(told) == sorted(expected)


@pytest.mark.slow
def test_all_of_them_run():
    before = subprocess.run(["git", "status", "--short"], capture_output=True, cwd=PROJECT, check=True).stdout
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=True)
    assert "quick benchmarks:" in done.stdout
    after = subprocess.run(["git", "status", "--short"], capture_output=True, cwd=PROJECT, check=True).stdout
    assert after == before  # it writes no table
