"""Every command in the README, run as it stands there on small inputs."""

import shlex
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from faceflow import cli
from pipelines.io.flow_io import read_flow

PROJECT = Path(__file__).parents[1]
README = PROJECT / "README.md"

# The README shows a full training; here one step must do.
QUICK = {
    ("train", "flow"): shlex.split(
        "--width 0.0625 --num-flow-updates 1 --num-coarse-flow-updates 0 --size 64 --batch-size 2 --epochs 1 "
        "--validation-share 0.5"
    ),
    ("train", "expression"): ["--method", "dis_fast"],
    ("evaluate", "expression"): shlex.split("--method dis_fast --seeds 1 --epochs 1"),
    ("build", "CLIPS"): ["--workers", "1"],
    ("spot", "CLIP"): ["--model", "dis_fast"],
    ("analyze", "CLIPS"): ["--workers", "1", "--magnify", "0", "--model", "dis_fast"],
    ("flow", "CLIP"): ["--model", "dis_fast"],
}


def test_faceflow_commands(
    tmp_path, clips_folder, pair_folder, expressive_corpus, shell_commands, monkeypatch
):
    port = _free_port()
    frames = clips_folder / "anna" / "a"
    known = {
        "CLIPS": clips_folder,
        "PAIRS": pair_folder,
        "CLIP": frames,
        "FRAME1": frames / "8.png",
        "FRAME2": frames / "9.png",
        "casme2=CASME2": f"casme2={expressive_corpus}",
        "ONSET": expressive_corpus / "Cropped/sub01/EP01/img1.png",
        "APEX": expressive_corpus / "Cropped/sub01/EP01/img3.png",
        "1000": 4,  # pairs to render
        "4": 1,  # subjects to render
        "8500": port,
        "127.0.0.1:8500": f"127.0.0.1:{port}",
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = None
    try:
        for words in shell_commands(README):
            if words[0] != "faceflow":
                assert words[:2] in (["make", "demo"], ["make", "test"])
                continue
            arguments = [str(known.get(word, word)) for word in words[1:]] + QUICK.get(tuple(words[1:3]), [])
            if words[1] == "serve":
                server = _start(arguments)
                continue
            monkeypatch.setattr(sys, "argv", ["faceflow", *arguments])
            cli.main()
    finally:
        if server:
            server.terminate()
            assert server.wait(timeout=30) == 0
    for name in ("RECORDS/manifest.json", "RUN/preset.json", "RENDERED/pairs.csv", "flow.png", "report.html"):
        assert (tmp_path / name).exists(), name
    flow, valid = read_flow(tmp_path / "label.flo")
    np.testing.assert_allclose(flow[valid].mean(axis=0), [2, 0], atol=0.5)  # the clip moves 2 px a frame


def _start(arguments):
    command = [sys.executable, "-c", "from faceflow.cli import main; main()", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    # TensorFlow may greet first, if the environment asks it to.
    lines = iter(process.stderr.readline, "")
    assert any("serving" in line and "127.0.0.1" in line for line in lines), "the server ended"
    return process


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
