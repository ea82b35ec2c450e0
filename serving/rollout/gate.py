"""The gate between a trained network and the servers: try it beside the version that is live, then name it.

What TFX's Evaluator, InfraValidator and Pusher do. What is measured, and what must be reached, each model
says for itself: `push_flow`, `push_expression`. Whatever goes wrong, the version that is live stays as it is.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np

from pipelines.errors import InputError
from serving.client import MAX_MESSAGE
from serving.protocol.stubs import prediction_service_pb2_grpc
from serving.protocol.tensors import to_array
from serving.repository.publishing import publish
from serving.repository.versions import versions_in
from serving.repository.warmup import read_warmup
from serving.rollout.infra_validator import TrialServer, trial_server

#: What the gate found, inside the folder of a version that passed it.
BLESSING = "assets.extra/blessing.json"

#: Seconds for one answer.
PATIENCE = 60.0


def push(
    candidate: Path, base: Path, judge: Callable[[Path, Path | None], tuple[Mapping[str, object], list[str]]]
) -> Path:
    """Give a version its number if it passes.

    Args:
        candidate: a whole SavedModel in a folder of `scratch_folder`.
        base: folder of the model.
        judge: takes the candidate and the live version, if there is one; returns what it found, which is
            written into the version, and why the candidate does not pass.

    Returns:
        The folder of the version.

    Raises:
        InputError: if it does not pass; it says why, and nothing has changed.
    """
    live = max(versions_in(base), default=None)
    try:
        found, reasons = judge(candidate, None if live is None else base / str(live))
    except InputError as error:
        found, reasons = {}, [str(error)]
    if reasons:
        stays = f"version {live} stays live" if live else "there is no live version"
        raise InputError(f"{base}: not pushed: {'; '.join(reasons)}; {stays}")
    blessing = {**found, "blessed": time.time()}
    (candidate / BLESSING).write_text(json.dumps(blessing, indent=1))
    return publish(candidate, base)


@contextmanager
def on_trial(candidate: Path, live: Path | None, name: str) -> Iterator[tuple[TrialServer, dict[str, int]]]:
    """Serve a candidate beside the live version, on a server process that serves nobody else.

    Args:
        candidate: a SavedModel.
        live: the version to compare with, if there is one.
        name: of the model.

    Yields:
        The server, and under which number each is there: `candidate` and, if there is one, `live`.

    Raises:
        InputError: if the server does not start with them, or ends in the block.
    """
    number = int(live.name) + 1 if live else 1
    folder = candidate.parent / "trial"
    (folder / name).mkdir(parents=True)
    versions = {"candidate": number} | ({"live": number - 1} if live else {})
    for who, path in (("candidate", candidate), ("live", live)):
        if path:
            os.symlink(path.absolute(), folder / name / str(versions[who]))
    with trial_server(folder, [name]) as server:
        yield server, versions
        server.check_alive()


def warmup_difference(candidate: Path, version: int, server: TrialServer) -> float:
    """Send the warm-up requests and return how far the answers are from those they carry.

    NaN if an answer has one, infinity if a text is another.
    """
    largest = 0.0
    options = [("grpc.max_receive_message_length", MAX_MESSAGE)]
    with grpc.insecure_channel(server.address, options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for call in read_warmup(candidate):
            call.request.model_spec.version.value = version
            try:
                response = stub.Predict(call.request, timeout=PATIENCE)
            except grpc.RpcError as error:
                server.check_alive()
                raise InputError(f"its warm-up request fails ({error.details()})") from error
            for name, expected in call.response.outputs.items():
                difference = _difference(to_array(response.outputs[name]), to_array(expected))
                largest = float(np.maximum(largest, difference))  # NaN stays NaN
    return largest


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if expected.dtype.hasobject:
        return 0.0 if np.array_equal(found, expected) else np.inf
    return np.abs(found - expected).max()
