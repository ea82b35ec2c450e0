"""What serving costs: gRPC, REST and ONNX Runtime beside the bare call, batching, memory, starting, exchange.

Everything that is compared runs in turns in one go, so that whatever else the machine does falls on all
alike. The server is a process of its own, as in use. With `--minutes N` the load that memory is watched
under lasts N minutes in place of twenty.
"""

import argparse
import json
import statistics
import tempfile
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from benchmarks.server_life import cold_start, exchange, watch_memory
from benchmarks.server_process import CLIENTS, SIZE, SMALL, frames, load, seconds_of, server

ROUNDS = 100
BOUND = 1.15

_BATCHING_BOUND = 1.3


def measure(
    folder: str | Path,
    address: str,
    rounds: int = ROUNDS,
    rest: str | None = None,
    onnx: str | Path | None = None,
) -> tuple[float, ...]:
    """Return the median seconds of the bare call, and of the calls over gRPC, REST and by ONNX, in turns.

    Args:
        folder: base folder of the served models.
        address: of a server of these models.
        rounds: calls of each.
        rest: address of its REST API; without it there is no number for it.
        onnx: file of the same network; likewise.
    """
    import onnxruntime
    import tensorflow as tf

    from serving.client import FaceFlowClient
    from serving.model import Model
    from serving.versions import find_models

    versions = find_models(folder)["face_flow"]
    # Held: the function keeps no more than weak references to its variables.
    model = Model(versions[max(versions)])
    pair = frames(SIZE)
    tensors = {f"frame{i}": tf.constant(frame[None]) for i, frame in enumerate(pair, 1)}
    body = json.dumps({"inputs": {f"frame{i}": frame[None].tolist() for i, frame in enumerate(pair, 1)}})
    with FaceFlowClient(address) as client:
        calls = [
            lambda: model.function("serving_default")(**tensors)["flow"].numpy(),
            lambda: client.flow(*pair),
        ]
        if rest:
            connection = HTTPConnection(rest)
            calls.append(lambda: _post(connection, body))
        if onnx:
            session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
            floats = {f"frame{i}": np.float32(frame[None]) / 255 for i, frame in enumerate(pair, 1)}
            calls.append(lambda: session.run(["flow"], floats))
        for _ in range(10):  # not counted: the first calls are slower
            for call in calls:
                call()
        times = [[seconds_of(call) for call in calls] for _ in range(rounds)]
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def _post(connection: HTTPConnection, body: str) -> np.ndarray:
    connection.request("POST", "/v1/models/face_flow:predict", body)
    return np.array(json.loads(connection.getresponse().read())["outputs"], np.float32)


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
        f"serving: {CLIENTS} clients, {SMALL}x{SMALL} pairs: {'; '.join(lines)}; "
        f"batching gives {statistics.median(ratios):.2f} times as many (bound {_BATCHING_BOUND}; "
        f"rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)})"
    )


def main() -> None:
    """Measure and print."""
    from keras_models.presets import load_network
    from serving.export import export_flow
    from serving.onnx import export_onnx

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    minutes = parser.parse_known_args()[0].minutes
    network = load_network()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as scratch:
        export_flow(network, folder)
        file = export_onnx(network, scratch)
        with server(folder, rest_api_port=0) as (address, rest, _):
            bare, over_grpc, over_rest, by_onnx = measure(folder, address, rest=rest, onnx=file)
        print(
            f"serving: one {SIZE}x{SIZE} pair, the shipped network; medians of {ROUNDS} calls: "
            f"bare {1e3 * bare:.2f} ms, gRPC {1e3 * over_grpc:.2f} ms, ratio {over_grpc / bare:.2f} "
            f"(bound {BOUND}), REST {1e3 * over_rest:.2f} ms, ONNX Runtime {1e3 * by_onnx:.2f} ms",
            flush=True,
        )
        print(compare_batching(folder), flush=True)
        print(exchange(folder), flush=True)
        print(cold_start(folder), flush=True)
        print(watch_memory(folder, minutes))


if __name__ == "__main__":
    main()
