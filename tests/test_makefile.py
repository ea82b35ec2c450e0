"""Installation as the Makefile does it, with a stand-in for uv that only notes what it is asked for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
# Notes its arguments; finds and downloads Python only where the test says so.
STAND_IN = """#!/bin/sh
echo "$@" >> asked
case "$*" in
  "python find "*) test -e found ;;
  "python install "*) test -e downloadable && touch found ;;
  sync*) mkdir -p .venv ;;
esac
"""


def make_install(folder, *arguments):
    return subprocess.run(
        ["make", "install", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},  # without MAKEFLAGS of a make around the tests
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def install(tmp_path):
    """Run `make install` on a machine with or without Python 3.11, and with or without a way to get one."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "uv.lock").touch()
    uv = tmp_path / ".uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(STAND_IN)
    uv.chmod(0o755)

    def run(*present, arguments=()):
        for name in present:
            (tmp_path / name).touch()
        environment = {"PATH": os.environ["PATH"]}  # without MAKEFLAGS of a make around the tests
        command = ["make", "install", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done, (tmp_path / "asked").read_text().splitlines()

    return run


def test_with_python_3_11(install):
    done, asked = install("found")
    assert done.returncode == 0
    assert [line.split()[0] for line in asked] == ["python", "sync"]
    assert asked[-1] == "sync --locked --quiet --python 3.11 --compile-bytecode"


def test_without_it_uv_downloads_one(install):
    done, asked = install("downloadable")
    assert done.returncode == 0
    assert "python install --quiet 3.11" in asked
    assert asked[-1].startswith("sync")
    assert "no Python 3.11 here" in done.stdout


def test_where_none_can_be_had(install):
    done, asked = install()
    assert done.returncode == 2
    assert not [line for line in asked if line.startswith("sync")]
    (line,) = [line for line in done.stdout.splitlines() if "needs Python 3.11" in line]
    assert "make PYTHON=/path/to/python3.11" in line


def test_a_python_of_the_users_choice(install):
    _, asked = install("found", arguments=("PYTHON=/opt/python3.11",))
    assert asked[-1] == "sync --locked --quiet --python /opt/python3.11 --compile-bytecode"


def test_a_python_that_is_too_old_for_uv(tmp_path):
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "uv.lock").touch()
    done = make_install(tmp_path, "ANY_PYTHON=false")
    assert done.returncode == 2
    assert "needs a Python from 3.9 on" in done.stdout
