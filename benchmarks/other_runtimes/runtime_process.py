"""Runs a program of `runtime_programs` in its environment: flows of given frames, then time call by call.

Files pass between the processes: `frames.npz` with frames by name, and for Node the same as `NAME.bytes`
with `shapes.json`; flows come back as `flows.npz` or `NAME.flow`. A timed call is a line on standard input,
and its seconds are a line on standard output, so that another process can take turns with this one.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.common.script import uv
from benchmarks.other_runtimes.runtime_programs import Program

TIMED = "timed"  # name of the frames that are timed
_MARK = "seconds "  # runtimes print lines of their own
_TIMEOUT = 1200  # seconds, mostly for downloads

_PYTHON_END = """
import sys, time
all_frames = np.load("frames.npz")
np.savez("flows.npz", **{name: np.asarray(estimate(all_frames[name])) for name in all_frames})
frames = all_frames["TIMED"]
print("MARK0", flush=True)
for _ in sys.stdin:
    begin = time.perf_counter()
    estimate(frames)
    print(f"MARK{time.perf_counter() - begin}", flush=True)
"""

_NODE_END = """
const files = require("fs");
(async () => {
  const shapes = JSON.parse(files.readFileSync("shapes.json"));
  const read = (name) => new Uint8Array(files.readFileSync(`${name}.bytes`));
  for (const [name, shape] of Object.entries(shapes)) {
    const flow = await estimate(read(name), shape);
    files.writeFileSync(`${name}.flow`, Buffer.from(flow.buffer, flow.byteOffset, flow.byteLength));
  }
  const data = read("TIMED");
  console.log("MARK0");
  for await (const _ of require("readline").createInterface({input: process.stdin})) {
    const begin = performance.now();
    await estimate(data, shapes.TIMED);
    console.log(`MARK${(performance.now() - begin) / 1000}`);
  }
  process.exit(0);
})().catch((error) => { console.error(error.message); process.exit(1); });
"""


class ProgramFailed(Exception):
    """A program, or the installation of its packages, failed; the message is its last line."""


def write_frames(folder: Path, frames: dict[str, np.ndarray]) -> None:
    """Write the frames that all programs read.

    Args:
        folder: Folder in which the programs run.
        frames: Pairs by name, uint8 [B, 2, H, W, 3].
    """
    np.savez(folder / "frames.npz", **frames)
    (folder / "shapes.json").write_text(json.dumps({name: given.shape for name, given in frames.items()}))
    for name, given in frames.items():
        (folder / f"{name}.bytes").write_bytes(given.tobytes())


class RunningProgram:
    """A program that waits for its next timed call.

    Attributes:
        flows: Flow of each of the frames, float32 [B, H, W, 2], pixels.
    """

    def __init__(self, process: subprocess.Popen, errors: Path):
        self._process, self._errors = process, errors
        self.flows: dict[str, np.ndarray] = {}

    def seconds(self) -> float:
        """Make one timed call, and return its duration."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.next_seconds()

    def next_seconds(self) -> float:
        """Return the next duration that the program prints."""
        for line in self._process.stdout:
            if line.startswith(_MARK):
                return float(line.removeprefix(_MARK))
        self._process.wait()
        raise ProgramFailed(_last_line(self._errors.read_text(errors="replace")))


@contextmanager
def running(program: Program, folder: Path, shapes: dict[str, tuple[int, ...]]) -> Iterator[RunningProgram]:
    """Install what a program needs, run it, and yield it with its flows.

    Args:
        program: Program; one in Node needs the program npm.
        folder: Folder with the exported models and `write_frames`.
        shapes: Shapes of the flows, by name of the frames.

    Raises:
        ProgramFailed: If a package cannot be installed, or the program fails.
    """
    command = _prepare(program, folder)
    errors = folder / "errors.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        try:
            found = RunningProgram(process, errors)
            found.next_seconds()
            found.flows = _flows(program, folder, shapes)
            yield found
        finally:
            process.kill()
            process.communicate()


def _prepare(program: Program, folder: Path) -> list[str]:
    """Convert the model, write the program and install packages; returns the command that runs it."""
    if program.conversion:
        paths = [str(one.relative_to(folder)) for one in folder.glob("models/face_flow/*")]
        words = shlex.split(program.conversion.replace("models/face_flow/*", *paths))
        if not (folder / words[-1]).exists():
            _call([*_in_environment(program.conversion_packages), *words], folder)
    name = "program.js" if program.node else "program.py"
    end = (_NODE_END if program.node else _PYTHON_END).replace("TIMED", TIMED).replace("MARK", _MARK)
    (folder / name).write_text(program.code + end)
    if program.node:
        install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *program.packages]
        _call(install, folder)
        return ["node", name]
    command = [*_in_environment(program.packages), "python"]
    _call([*command, "--version"], folder)  # installs
    return [*command, name]


def _in_environment(packages: tuple[str, ...]) -> list[str]:
    wanted = [word for package in packages for word in ("--with", package)]
    return [uv(), "run", "--no-project", "--quiet", "--python", "3.11", *wanted]


def _call(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramFailed(str(error)) from error
    if done.returncode:
        raise ProgramFailed(_last_line(done.stderr or done.stdout))


def _last_line(text: str) -> str:
    # LiteRT logs to the same stream, also after an error.
    lines = [
        line for line in text.splitlines() if line.strip() and not line.startswith(("INFO:", "WARNING:"))
    ]
    return lines[-1].strip("└ \n") if lines else "no message"


def _flows(program: Program, folder: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    if not program.node:
        return dict(np.load(folder / "flows.npz"))
    read = {name: np.frombuffer((folder / f"{name}.flow").read_bytes(), np.float32) for name in shapes}
    return {name: read[name].reshape(shape) for name, shape in shapes.items()}
