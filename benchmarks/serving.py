"""What serving costs: gRPC and REST beside the bare call, batching, latency under load, memory, starting.

Everything that is compared runs in turns in one go, so that whatever else the machine does falls on all
alike. The server is a process of its own, as in use. With `--minutes N` the load that memory is watched
under lasts N minutes in place of one.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

SIZE = 256
WIDTH = 0.5
ROUNDS = 100
BOUND = 1.15

_CLIENTS = 16
_BATCHING_BOUND = 1.3
_SMALL = 64  # pixels; crops of faces between which latency and not arithmetic counts


def _serve(folder: str, options: dict, pipe: Connection) -> None:
    import logging

    from serving.server import serve
    from serving.server_options import ServerOptions

    def ready(server):
        logging.getLogger("serving").setLevel(logging.WARNING)
        pipe.send((server.address, server.rest_address))

    serve(folder, port=0, options=ServerOptions(**options), ready=ready)


@contextmanager
def server(folder: str | Path, **options: object) -> Iterator[tuple[str, str | None, int]]:
    """Run a server process; yields its gRPC address, its REST address and its process id.

    Args:
        folder: base folder of the served models.
        options: of `ServerOptions`.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(str(folder), options, theirs))
    process.start()
    theirs.close()  # so that a server that dies ends the wait for its address
    try:
        yield (*ours.recv(), process.pid)
    finally:
        process.terminate()
        process.join()


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _frames(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)


def measure(
    folder: str | Path, address: str, rounds: int = ROUNDS, rest: str | None = None
) -> tuple[float, ...]:
    """Return the median seconds of the bare call, of the gRPC call and of the REST call, in turns.

    Args:
        folder: base folder of the served models.
        address: of a server of these models.
        rounds: calls of each.
        rest: address of its REST API; without it there is no third number.
    """
    import tensorflow as tf

    from serving.client import FaceFlowClient
    from serving.model import Model
    from serving.versions import find_models

    versions = find_models(folder)["face_flow"]
    # Held: the function keeps no more than weak references to its variables.
    model = Model(versions[max(versions)])
    frames = _frames(SIZE)
    tensors = {f"frame{i}": tf.constant(frame[None]) for i, frame in enumerate(frames, 1)}
    body = json.dumps({"inputs": {f"frame{i}": frame[None].tolist() for i, frame in enumerate(frames, 1)}})
    with FaceFlowClient(address) as client:
        calls = [
            lambda: model.function("serving_default")(**tensors)["flow"].numpy(),
            lambda: client.flow(*frames),
        ]
        if rest:
            connection = HTTPConnection(rest)
            calls.append(lambda: _post(connection, body))
        for _ in range(10):  # not counted: the first calls are slower
            for call in calls:
                call()
        times = [[_seconds(call) for call in calls] for _ in range(rounds)]
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def _post(connection: HTTPConnection, body: str) -> np.ndarray:
    connection.request("POST", "/v1/models/face_flow:predict", body)
    return np.array(json.loads(connection.getresponse().read())["outputs"], np.float32)


def load(address: str, seconds: float, clients: int = _CLIENTS, size: int = _SMALL) -> list[float]:
    """Let clients ask without a pause, and return the seconds of each answer.

    Args:
        address: of the server.
        seconds: how long.
        clients: how many, each with a connection of its own.
        size: width and height of their frames, pixels.
    """
    from serving.client import FaceFlowClient

    frames, times, end = _frames(size), [], time.monotonic() + seconds

    def ask() -> None:
        with FaceFlowClient(address) as client:
            while time.monotonic() < end:
                times.append(_seconds(lambda: client.flow(*frames)))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def compare_batching(folder: str | Path, rounds: int = 5, seconds: float = 4.0) -> str:
    """Put 16 clients on a server that joins requests and on one that does not, in turns."""
    with server(folder) as (single, *_), server(folder, enable_batching=True) as (joined, *_):
        for address in (single, joined):
            load(address, 2.0)
        times = {"one by one": [], "joined": []}
        ratios = []
        for _ in range(rounds):
            counts = []
            for name, address in (("one by one", single), ("joined", joined)):
                found = load(address, seconds)
                times[name] += found
                counts.append(len(found))
            ratios.append(counts[1] / counts[0])
    lines = [
        f"{name} {len(found) / (rounds * seconds):.0f} requests/s, "
        f"median {1e3 * statistics.median(found):.0f} ms, "
        f"p99 {1e3 * np.percentile(found, 99):.0f} ms"
        for name, found in times.items()
    ]
    return (
        f"serving: {_CLIENTS} clients, {_SMALL}x{_SMALL} pairs: {'; '.join(lines)}; "
        f"batching gives {statistics.median(ratios):.2f} times as many (bound {_BATCHING_BOUND}; "
        f"rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)})"
    )


def _resident(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def watch_memory(folder: str | Path, minutes: float) -> str:
    """Ask in different sizes, wrongly, and over REST, and see what the server's memory does."""
    from serving.client import FaceFlowClient, ServerError

    with server(folder, enable_batching=True, rest_api_port=0) as (address, rest, process):

        def mixed(seconds: float) -> int:
            end, count = time.monotonic() + seconds, 0
            with FaceFlowClient(address) as client, FaceFlowClient(address, model="other") as wrong:
                while time.monotonic() < end:
                    load(address, 1.0, clients=4, size=(48, 64, 128)[count % 3])
                    with suppress(ServerError):
                        wrong.flow(*_frames(8))
                    body = json.dumps({"inputs": [1, 2, 3]})
                    connection = HTTPConnection(rest)
                    connection.request("POST", "/v1/models/face_flow:predict", body)
                    connection.getresponse().read()
                    connection.close()
                    client.flow(*_frames(SIZE))
                    count += 1
            return count

        mixed(max(10.0, 6 * minutes))  # whatever is allocated once
        before = _resident(process)
        mixed(60 * minutes)
        after = _resident(process)
    return (
        f"serving: {minutes:g} minutes of mixed load: {before:.0f} MiB before, {after:.0f} after, "
        f"{100 * (after / before - 1):+.1f} % (bound 2 % in 20 minutes)"
    )


def cold_start(folder: str | Path) -> str:
    """Time a server from nothing to its first answer, and the import of the client."""
    from serving.client import FaceFlowClient

    begin = time.perf_counter()
    with server(folder) as (address, *_), FaceFlowClient(address) as client:
        client.flow(*_frames(SIZE))
        first = time.perf_counter() - begin
    code = "import time; t = time.process_time(); import serving.client; print(time.process_time() - t)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return (
        f"serving: {first:.1f} s from the start of a server process to its first answer; "
        f"the client takes {float(done.stdout):.2f} s of processor time to import"
    )


def main() -> None:
    """Measure and print."""
    from keras_models.networks import build_network
    from serving.export import export_flow

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    minutes = parser.parse_known_args()[0].minutes
    with tempfile.TemporaryDirectory() as folder:
        export_flow(build_network("flownet_s", width=WIDTH), folder)
        with server(folder, rest_api_port=0) as (address, rest, _):
            bare, grpc, json_call = measure(folder, address, rest=rest)
        print(
            f"serving: one {SIZE}x{SIZE} pair, FlowNetS of width {WIDTH}; medians of {ROUNDS} calls: "
            f"bare {1e3 * bare:.2f} ms, gRPC {1e3 * grpc:.2f} ms, ratio {grpc / bare:.2f} (bound {BOUND}), "
            f"REST {1e3 * json_call:.2f} ms",
            flush=True,
        )
        print(compare_batching(folder), flush=True)
        print(watch_memory(folder, minutes), flush=True)
        print(cold_start(folder))


if __name__ == "__main__":
    main()
