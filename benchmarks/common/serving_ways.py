"""Costs of the ways to a served flow beside the bare call: gRPC, and REST as numbers, files and npz."""

import base64
import io
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import orjson
import simdjson

from benchmarks.common.page import table
from benchmarks.common.server_process import (
    SIZE,
    frames,
    medians_in_turns,
    server,
)

_PATH = "/v1/models/face_flow:predict"
_BOUND = 1.10

# Names of ways.
BARE, GRPC, ONNX = "bare call", "gRPC, `tensor_content`", "ONNX Runtime, bare"
NUMBERS = "REST, frames as numbers, flow as numbers"


def rest_calls(rest: str) -> dict[str, Callable[[], np.ndarray]]:
    """Return calls over REST by name; bodies are made beforehand, responses are read by simdjson or NumPy.

    Args:
        rest: Address of a REST API with `--rest_api_enable_npz`.
    """
    from pipelines.io.images import encode_png

    pair = frames(SIZE)
    numbers = orjson.dumps({"inputs": {f"frame{i}": frame[None].tolist() for i, frame in enumerate(pair, 1)}})
    files = [{"b64": base64.b64encode(encode_png(frame)).decode()} for frame in pair]
    inputs = {f"frame{i}": [file] for i, file in enumerate(files, 1)}
    encoded = orjson.dumps({"signature_name": "encoded", "inputs": inputs})
    connection = HTTPConnection(rest)

    def post(body: bytes, accept: str = "application/json") -> bytes:
        connection.request("POST", _PATH, body, {"Accept": accept})
        return connection.getresponse().read()

    def read_json(body: bytes) -> np.ndarray:
        outputs = simdjson.Parser().parse(body)["outputs"]
        # A network with one output has no name for it.
        flow = outputs["flow"] if isinstance(outputs, simdjson.Object) else outputs
        return np.float32(np.frombuffer(flow.as_buffer(of_type="d"))).reshape(1, SIZE, SIZE, 2)

    def read_npz(body: bytes) -> np.ndarray:
        return np.load(io.BytesIO(body))["flow"]

    return {
        NUMBERS: lambda: read_json(post(numbers)),
        "REST, frames as PNG (`b64`), flow as numbers": lambda: read_json(post(encoded)),
        "REST, frames as PNG (`b64`), flow as npz": lambda: read_npz(post(encoded, "application/x-npz")),
    }


def way_times(folder: str | Path, rounds: int, onnx: str | Path | None = None) -> dict[str, float]:
    """Return the median seconds of each way by its name, measured in turns in one run.

    TensorFlow should not have run in this process, so that it gets as many threads as in the server.

    Args:
        folder: Base folder of the served models.
        rounds: Calls of each.
        onnx: File of the same network, to run it by ONNX Runtime too.
    """
    import tensorflow as tf

    from serving.client import FaceFlowClient
    from serving.repository.model import Model
    from serving.repository.versions import find_models
    from serving.runtime.memory import keep_freed_memory
    from serving.server import NO_GRAPH_OPTIMISATION

    # Both as in the server, so that nothing but the way to it is compared.
    tf.config.optimizer.set_experimental_options(NO_GRAPH_OPTIMISATION)
    keep_freed_memory()
    versions = find_models(folder)["face_flow"]
    model = Model(versions[max(versions)])  # held: its function keeps only weak references to the variables
    pair = frames(SIZE)
    tensors = {f"frame{i}": tf.constant(frame[None]) for i, frame in enumerate(pair, 1)}
    content = {"enable_serialization_as_tensor_content": True}
    with (
        server(folder, rest_api_port=0, rest_api_enable_npz=True) as (typed, rest, _),
        server(folder, **content) as (raw, *_),
        FaceFlowClient(typed) as of_fields,
        FaceFlowClient(raw) as of_content,
    ):
        calls = {
            BARE: lambda: model.function("serving_default")(**tensors)["flow"].numpy(),
            GRPC: lambda: of_content.flow(*pair),
            "gRPC, `float_val` (Serving's default)": lambda: of_fields.flow(*pair),
            **rest_calls(rest),
        }
        if onnx:
            calls[ONNX] = _onnx_call(onnx, pair)
        return medians_in_turns(calls, rounds, warmup=10)


def ways(times: Mapping[str, float], rounds: int) -> str:
    """Return the times of `way_times` as a table."""
    rows = [[name, f"{1e3 * median:.1f}", f"{median / times[BARE]:.2f}"] for name, median in times.items()]
    return (
        f"One {SIZE}x{SIZE} pair, the shipped network, medians of {rounds} calls in turns; bound for gRPC "
        f"with `tensor_content`: {_BOUND:.2f} times the bare call.\n\n"
        + table(["way", "milliseconds", "to the bare call"], rows)
    )


def _onnx_call(file: str | Path, pair: np.ndarray) -> Callable[[], object]:
    import onnxruntime

    floats = {f"frame{i}": np.float32(frame[None]) / 255 for i, frame in enumerate(pair, 1)}
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return lambda: session.run(["flow"], floats)
