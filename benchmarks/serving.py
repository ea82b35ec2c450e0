"""What gRPC costs: a Predict of one 256x256 pair beside the bare call of the same function.

Both run the same signature of the same SavedModel on the same frames, in turns, so that whatever else the
machine does falls on both alike. The server is a process of its own, as in use.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

SIZE = 256
WIDTH = 0.5
ROUNDS = 100
BOUND = 1.3


def _serve(folder: str, pipe: Connection) -> None:
    from serving.server import serve

    serve(folder, port=0, ready=lambda server: pipe.send(server.address))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(folder: str | Path, address: str, rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the median seconds of the bare call and of the gRPC call, measured in turns.

    Args:
        folder: base folder of the served models.
        address: of a server of these models.
        rounds: calls of each.
    """
    import tensorflow as tf

    from serving.client import FaceFlowClient
    from serving.model import Model
    from serving.models import find_models

    versions = find_models(folder)["face_flow"]
    # Held: the function keeps no more than weak references to its variables.
    model = Model(versions[max(versions)])
    frames = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    tensors = {f"frame{i}": tf.constant(frame[None]) for i, frame in enumerate(frames, 1)}
    with FaceFlowClient(address) as client:

        def bare():
            return model.function("serving_default")(**tensors)["flow"].numpy()

        def over_grpc():
            return client.flow(*frames)

        for _ in range(10):  # not counted: the first calls are slower
            _seconds(bare), _seconds(over_grpc)
        times = [(_seconds(bare), _seconds(over_grpc)) for _ in range(rounds)]
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def main() -> None:
    """Measure and print."""
    from keras_models.networks import build_network
    from serving.export import export_flow

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        export_flow(build_network("flownet_s", width=WIDTH), folder)
        server = context.Process(target=_serve, args=(folder, theirs))
        server.start()
        theirs.close()  # so that a server that dies ends the wait for its address
        try:
            bare, grpc = measure(folder, ours.recv())
        finally:
            server.terminate()
            server.join()
    print(
        f"serving: one {SIZE}x{SIZE} pair, FlowNetS at width {WIDTH}, medians of {ROUNDS} calls in turns: "
        f"bare {1e3 * bare:.2f} ms, gRPC {1e3 * grpc:.2f} ms, ratio {grpc / bare:.2f} (bound {BOUND})"
    )


if __name__ == "__main__":
    main()
