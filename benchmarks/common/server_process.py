"""A server process to measure, and clients that ask it."""

import gc
import multiprocessing
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

SIZE = 256  # pixels
SMALL = 64  # crops of faces between which latency and not arithmetic counts
CLIENTS = 16
PATIENCE = 3600.0  # seconds: what is measured is not to end because the machine was stopped for a while


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


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has taken so far, seconds of one core."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of(call: Callable[[], object]) -> float:
    """Time a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def medians_in_turns(calls: Mapping[str, Callable[[], object]], rounds: int, warmup: int) -> dict[str, float]:
    """Time calls in random order, and return the median of each, seconds.

    In random order, because a call is slower after one that kept a single core busy, as REST does.

    Args:
        calls: Calls by name.
        rounds: Number of times that each is timed.
        warmup: Number of times that each is made before, not counted: the first calls are slower.
    """
    for call in [*calls.values()] * warmup:
        call()
    without_garbage_of_tensorflow()
    draw, times = random.Random(0), {name: [] for name in calls}
    for _ in range(rounds):
        for name in draw.sample(list(calls), len(calls)):
            times[name].append(seconds_of(calls[name]))
    return {name: statistics.median(found) for name, found in times.items()}


def without_garbage_of_tensorflow() -> None:
    """Hide the objects of this process from the garbage collector.

    A client of the server has no TensorFlow. With it, each response in JSON makes the collector look at
    hundreds of thousands of its objects, which takes longer than reading the response.
    """
    gc.collect()
    gc.freeze()


def frames(size: int) -> np.ndarray:
    """Return two frames of noise, uint8 [2, size, size, 3]."""
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)


def load(address: str, seconds: float, clients: int = CLIENTS, size: int = SMALL) -> list[float]:
    """Let clients ask without a pause, and return the seconds of each response.

    They send a request that was serialised once, and leave the responses as they come: what is measured is
    the server, with which they share the processor.

    Args:
        address: of the server.
        seconds: how long.
        clients: how many, each with a connection of its own.
        size: width and height of their frames, pixels.
    """
    from serving.protocol.channels import open_channel
    from serving.protocol.stubs import predict_pb2
    from serving.protocol.tensors import write

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "face_flow"
    for number, frame in enumerate(frames(size), 1):
        write(frame[None], request.inputs[f"frame{number}"])
    sent, times, end = request.SerializeToString(), [], time.monotonic() + seconds

    def ask() -> None:
        with open_channel(address) as channel:
            predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
            while time.monotonic() < end:
                times.append(seconds_of(lambda: predict(sent, timeout=PATIENCE)))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times
