"""REST of this checkout beside that of another one, usually of an earlier commit, in turns in one run."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from benchmarks.common.page import table
from benchmarks.common.server_process import (
    SIZE,
    frames,
    medians_in_turns,
    server,
)
from benchmarks.common.serving_ways import rest_calls

_BOUND = 0.35

# Run with the interpreter of the other checkout, in its folder. Its own source is imported, whatever is
# installed there.
_SERVE = """
import sys
sys.path.insert(0, "")
from serving.server import serve
from serving.server_options import ServerOptions
options = ServerOptions(rest_api_port=int(sys.argv[2]))
if __name__ == "__main__":
    serve(sys.argv[1], port=0, options=options, ready=lambda server: print(server.rest_address, flush=True))
"""


@contextmanager
def other_server(checkout: Path, folder: Path) -> Iterator[str]:
    """Serve models with another checkout of the project; yields its REST address.

    Args:
        checkout: Folder of the other checkout, with its environment in `.venv`.
        folder: Base folder of the served models.

    Raises:
        RuntimeError: if its server does not start.
    """
    command = [str(checkout / ".venv/bin/python"), "-c", _SERVE, str(folder), "0"]
    with subprocess.Popen(
        command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError(f"{checkout}: its server does not start")
            yield address
        finally:
            process.terminate()


def compare_rest(folder: Path, checkout: str | None, rounds: int = 40) -> str:
    """Return a table of REST calls with this checkout and another one.

    Args:
        folder: Base folder of the served models.
        checkout: Folder of the other checkout, with its environment in `.venv`; None for none.
        rounds: Calls of each way.
    """
    if checkout is None:
        return "Not measured: give the folder of another checkout with `--against FOLDER`."
    other = Path(checkout).resolve()
    pair = frames(SIZE)
    body = json.dumps({"inputs": {f"frame{i}": frame[None].tolist() for i, frame in enumerate(pair, 1)}})
    with (
        server(folder, rest_api_port=0, rest_api_enable_npz=True) as (_, rest, _process),
        other_server(other, folder) as other_rest,
    ):
        before = f"{_commit(other)}: frames and flow as numbers, by Python's json"
        calls = {
            before: _by_json(other_rest, body),
            "the same client": _by_json(rest, body),
            **rest_calls(rest),
        }
        medians = medians_in_turns(calls, rounds, warmup=3)
    rows = [
        [name, f"{1e3 * median:.0f}", f"{median / medians[before]:.2f}"] for name, median in medians.items()
    ]
    return (
        f"One {SIZE}x{SIZE} pair over REST, the shipped network, medians of {rounds} calls in turns; bound: "
        f"{_BOUND} times the earlier commit.\n\n" + table(["way", "milliseconds", "to the first"], rows)
    )


def _by_json(address: str, body: str) -> Callable[[], np.ndarray]:
    def call() -> np.ndarray:
        connection = HTTPConnection(address)  # a new one: an earlier server closes it after a few seconds
        connection.request("POST", "/v1/models/face_flow:predict", body)
        outputs = json.loads(connection.getresponse().read())["outputs"]
        connection.close()
        # An earlier commit's network has no other output, so its flow has no name.
        return np.array(outputs["flow"] if isinstance(outputs, dict) else outputs, np.float32)

    return call


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "earlier"
