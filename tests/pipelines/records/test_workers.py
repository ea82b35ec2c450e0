"""Many processes, of this machine and of a Dask scheduler; they are killed in the middle of their work."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.records.builder import build
from pipelines.records.manifest import read_manifest
from pipelines.records.workers import run_tasks

PROJECT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from faceflow.cli import main; main()"]


def test_tasks_in_this_process():
    outcomes = list(run_tasks(divmod, [(7, 2), (7, 0)]))
    assert outcomes[0] == ((7, 2), (3, 1))
    assert isinstance(outcomes[1][1], ZeroDivisionError)


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr("pipelines.records.workers._SECONDS_TO_CONNECT", 1)
    with pytest.raises(InputError, match="no scheduler answers"):
        list(run_tasks(divmod, [(7, 2)], scheduler=f"tcp://127.0.0.1:{free_port()}"))
    with pytest.raises(InputError, match="name it as tcp://"):
        list(run_tasks(divmod, [(7, 2)], scheduler="nowhere"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, portrait):
    """Nine clips of 15 frames: some seconds of work."""
    folder = tmp_path_factory.mktemp("corpus")
    for clip in range(9):
        for number in range(15):
            frame = np.roll(portrait, clip + number, axis=1)[:320, 60:380]
            write_image(folder / f"subject{clip % 3}" / f"{clip}" / f"{number}.png", frame)
    return folder


@pytest.fixture(scope="module")
def serial(tmp_path_factory, corpus):
    return build(corpus, tmp_path_factory.mktemp("serial"))


@pytest.fixture
def cluster():
    """A scheduler and three workers, as a user starts them; yields its address and the processes."""
    dask = Path(sys.executable).with_name("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    options = {"cwd": PROJECT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    host, port = address.removeprefix("tcp://").split(":")
    scheduler = [dask, "scheduler", "--host", host, "--port", port, "--no-dashboard"]
    worker = [dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    processes = [subprocess.Popen(command, **options) for command in (scheduler, worker, worker, worker)]
    try:
        wait_until(lambda: connects(host, int(port)), 300)
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def connects(host, port):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def wait_until(happened, seconds):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_processes_write_what_one_writes(tmp_path, corpus, serial):
    assert build(corpus, tmp_path / "out", workers=2).clips == serial.clips


@pytest.mark.slow
def test_a_task_that_kills_every_worker_it_gets():
    outcomes = dict(run_tasks(_exit_if_odd, [(1,), (2,), (4,)], workers=2))
    assert "killed again and again" in str(outcomes[1,])
    assert (outcomes[2,], outcomes[4,]) == (2, 4)


def _exit_if_odd(number):
    if number % 2:
        os._exit(9)
    return number


@pytest.mark.slow
def test_three_dask_workers_and_one_is_killed(tmp_path, corpus, serial, cluster):
    address, (_, first, *_) = cluster

    def kill_one(done, clips):
        if done == 2:
            os.kill(first.pid, signal.SIGKILL)

    manifest = build(corpus, tmp_path / "out", scheduler=address, on_clip=kill_one)
    assert first.wait(timeout=10) == -signal.SIGKILL
    assert manifest.clips == serial.clips
    assert not leftovers(tmp_path / "out")


@pytest.mark.slow
def test_a_scheduler_that_goes_away(tmp_path, corpus, serial, cluster):
    address, (scheduler, *_) = cluster

    def kill_scheduler(done, clips):
        if done == 2:
            scheduler.kill()

    with pytest.raises(InputError, match="the scheduler went away"):
        build(corpus, tmp_path / "out", scheduler=address, on_clip=kill_scheduler)
    partial = read_manifest(tmp_path / "out")
    assert len(partial.clips) >= 2
    assert {clip.sha256 for clip in partial.clips} < {clip.sha256 for clip in serial.clips}
    assert build(corpus, tmp_path / "out").clips == serial.clips


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_that_is_killed_and_started_again(tmp_path, corpus, serial, workers):
    out = tmp_path / "out"
    command = [*COMMAND, "build", str(corpus), "-o", str(out), "--workers", str(workers)]
    process = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)
    wait_until(lambda: (out / "manifest.json").exists() and read_manifest(out).clips, 600)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    finished = {clip.clip: (out / clip.shard).stat().st_mtime_ns for clip in read_manifest(out).clips}
    assert 0 < len(finished) < 9
    # Workers do not outlive the build that they worked for.
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 20)

    assert build(corpus, out).clips == serial.clips
    for clip, written in finished.items():
        assert (out / f"{clip}.tfrecord").stat().st_mtime_ns == written
    assert not leftovers(out)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c(tmp_path, corpus, serial, workers):
    """The terminal sends it to all processes of the command."""
    out = tmp_path / "out"
    command = [*COMMAND, "build", str(corpus), "-o", str(out), "--workers", str(workers)]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever is started in the background by a shell ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: (out / "manifest.json").exists() and read_manifest(out).clips, 600)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    # MediaPipe's threads may still write a line of their own behind it.
    assert err.splitlines().count("interrupted") == 1
    assert "Traceback" not in err
    assert not leftovers(out)
    assert build(corpus, out).clips == serial.clips
