"""Ctrl-C and SIGTERM in the middle of a command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipelines.io.images import write_image

PROJECT = Path(__file__).parents[2]


def hears_ctrl_c():
    """For tests that run in the background of a shell, whose children are born deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_while_rendering(tmp_path):
    """SIGINT to all processes, as a terminal sends it: one line, no traceback, and nothing half-written."""
    command = [sys.executable, "-c", "from faceflow.cli import main; main()", "render", "pairs"]
    process = subprocess.Popen(
        [*command, "-o", str(tmp_path / "pairs"), "--count", "4000", "--size", "64", "--workers", "2"],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hears_ctrl_c,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("pairs/*.flo")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1] == "interrupted"
    assert list((tmp_path / "pairs").glob("*.flo"))
    assert not list((tmp_path / "pairs").glob(".*"))


def test_rendering_in_the_background_of_a_script(tmp_path):
    """A shell starts that deaf to SIGINT, and so it stays, its workers too."""
    command = [sys.executable, "-c", "from faceflow.cli import main; main()", "render", "pairs"]
    process = subprocess.Popen(
        [*command, "-o", str(tmp_path / "pairs"), "--count", "24", "--size", "64", "--workers", "2"],
        cwd=PROJECT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("pairs/*.flo")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=120) == 0
    assert len(list((tmp_path / "pairs").glob("*_flow.flo"))) == 24


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_leaves_nothing(tmp_path, number, code, word):
    """In the middle of a clip's flow: no folder under the final name, and no temporary one."""
    # Small frames: a call of OpenCV ends before Python sees the signal.
    source = tmp_path / "long"
    frame = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    for frame_number in range(60):
        write_image(source / f"{frame_number}.png", frame)
    command = [sys.executable, "-c", "from faceflow.cli import main; main()", "flow", str(source), "-o"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "out"), "--model", "deepflow"],
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_ctrl_c,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*/out/*.flo")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert err.strip().splitlines()[-1] == word
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long"]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_native_code_turns_into_an_error(name, code):
    """TensorFlow did so with Ctrl-C while it loaded a network: no traceback, whatever the error."""
    script = f"""
import os, signal
from faceflow import cli

def run(arguments):
    try:
        os.kill(os.getpid(), signal.{name})
        while True:
            pass
    except BaseException as stop:
        raise RuntimeError(f"{{type(stop).__name__}}: in native code") from None

cli.run = run
cli.main()
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, preexec_fn=hears_ctrl_c, timeout=60
    )
    assert result.returncode == code
    assert result.stderr.strip() == {"SIGINT": "interrupted", "SIGTERM": "terminated"}[name]


def test_an_error_without_a_signal_keeps_its_traceback():
    script = "from faceflow import cli\ncli.run = lambda arguments: 1 / 0\ncli.main()"
    result = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
