"""A server from its start on: how long until it answers, hot swaps of versions, memory under load."""

import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import grpc

from benchmarks.common.page import bound
from benchmarks.common.server_process import PATIENCE, SIZE, frames, load, processor_seconds, server

_TINY = 16  # pixels: who asks during a hot swap should not be what slows it down


def _resident(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def watch_memory(folder: str | Path, minutes: float) -> str:
    """Ask in different sizes, wrongly, and over REST, and see what the server's memory does."""
    from serving.client import FaceFlowClient, ServerError

    with server(folder, enable_batching=True, rest_api_port=0) as (address, rest, process):

        def mixed(seconds: float) -> float:
            spent, count, memory = 0.0, 0, []
            with (
                FaceFlowClient(address, PATIENCE) as client,
                FaceFlowClient(address, PATIENCE, "other") as wrong,
            ):
                while spent < seconds:
                    begin = time.monotonic()
                    load(address, 1.0, clients=4, size=(48, 64, 128)[count % 3])
                    with suppress(ServerError):
                        wrong.flow(*frames(8))
                    body = json.dumps({"inputs": [1, 2, 3]})
                    connection = HTTPConnection(rest)
                    connection.request("POST", "/v1/models/face_flow:predict", body)
                    connection.getresponse().read()
                    connection.close()
                    client.flow(*frames(SIZE))
                    memory.append(_resident(process))
                    # Longer ones were stopped on the way, for somebody who needed the machine to himself.
                    spent += min(time.monotonic() - begin, 10.0)
                    count += 1
            return statistics.median(memory[-10:])

        before = mixed(max(10.0, 6 * minutes))  # whatever is allocated once
        after = mixed(60 * minutes)
    growth = 100 * (after / before - 1)
    return (
        f"{minutes:g} minutes of mixed load: {before:.0f} MiB before, {after:.0f} after, "
        f"{growth:+.1f} % ({bound(growth, most=2, unit=' %')} in 20 minutes)."
    )


def cold_start(folder: str | Path) -> str:
    """Time a server from nothing to its first answer, and the imports of server and client."""
    from serving.client import FaceFlowClient

    begin = time.perf_counter()
    with server(folder) as (address, *_), FaceFlowClient(address) as client:
        client.flow(*frames(SIZE))
        first = time.perf_counter() - begin
    imports = []
    for module in ("client", "server"):
        code = (
            f"import time; t = time.process_time(); import serving.{module}; print(time.process_time() - t)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        imports.append(f"the {module} takes {float(done.stdout):.2f} s of CPU time to import")
    return f"{first:.1f} s from the start of a server process to its first answer; {', '.join(imports)}."


def hot_swap(folder: str | Path, times: int = 10) -> str:
    """Time from the renaming of a new version into its place to the first answer that it gives.

    Until then the state of the model is asked for, which costs the server next to nothing.
    """
    from serving.protocol.stubs import (
        get_model_status_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )
    from serving.protocol.tensors import to_proto
    from serving.repository.versions import find_models

    versions = find_models(folder)["face_flow"]
    frame = to_proto(frames(_TINY)[:1])
    request = predict_pb2.PredictRequest(inputs={"frame1": frame, "frame2": frame})
    request.model_spec.name = "face_flow"
    state = get_model_status_pb2.GetModelStatusRequest(model_spec=request.model_spec)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    found, cost = [], []
    with (
        tempfile.TemporaryDirectory() as scratch,
        server(shutil.copytree(folder, scratch, dirs_exist_ok=True)) as (address, _, process),
        grpc.insecure_channel(address) as channel,
    ):
        base = Path(scratch) / "face_flow"
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        states = model_service_pb2_grpc.ModelServiceStub(channel)

        def is_available(number: int) -> bool:
            versions = states.GetModelStatus(state).model_version_status
            return any(one.version == number and one.state == available for one in versions)

        for number in range(max(versions) + 1, max(versions) + 1 + times):
            part = shutil.copytree(base / str(max(versions)), base / ".next")
            time.sleep(random.uniform(1, 2))  # so that it falls anywhere between two looks
            before = processor_seconds(process)
            begin = time.perf_counter()
            part.rename(base / str(number))
            while not is_available(number):
                time.sleep(0.02)
            assert stub.Predict(request).model_spec.version.value == number
            found.append(time.perf_counter() - begin)
            cost.append(processor_seconds(process) - before)
    return (
        f"A new version answers {statistics.median(found):.2f} s (at most {max(found):.2f} s, {times} times) "
        f"after it was renamed ({bound(statistics.median(found), most=2, unit=' s')}), "
        f"for {statistics.median(cost):.1f} s of CPU time."
    )
