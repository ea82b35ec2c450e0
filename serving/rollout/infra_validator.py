"""Infra validator: serves a candidate in a server process of its own and replays its warm-up requests.

A model that does not load, aborts the server, or gives other answers than the network is detected here, away
from the production server.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
import numpy as np
from google.protobuf import text_format

from pipelines.errors import InputError
from serving.protocol.channels import open_channel
from serving.protocol.stubs import ModelServerConfig, prediction_service_pb2_grpc
from serving.protocol.tensors import to_array
from serving.repository.warmup import read_warmup

#: Seconds to wait for one response.
TIMEOUT = 60.0

_START_SECONDS = 300.0
_STOP_SECONDS = 30.0


class CandidateServer:
    """A server process with a candidate.

    Attributes:
        address: `host:port` of its gRPC service.
    """

    def __init__(self, process: multiprocessing.process.BaseProcess, log: Path) -> None:
        self.address = ""
        self._process = process
        self._log = log

    def check_alive(self, patience: float = 0.5) -> None:
        """Raise `InputError` if the process has ended, with the last line of its log.

        Args:
            patience: Seconds to wait for its end. A client sees a broken connection before the process has
                ended.
        """
        self._process.join(patience)
        code = self._process.exitcode
        if code is None:
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        lines = self._log.read_text(errors="replace").strip().splitlines()
        raise InputError(f"it terminates the server ({how}{f': {lines[-1]}' if lines else ''})")


@contextmanager
def serve_candidate(
    candidate: Path, baseline: Path | None, name: str
) -> Iterator[tuple[CandidateServer, dict[str, int]]]:
    """Serve a candidate beside the baseline, in a server process of their own.

    Args:
        candidate: Folder of the candidate's SavedModel.
        baseline: Folder of the version to compare with, if there is one.
        name: Name of the model.

    Yields:
        The server, and the version numbers of `candidate` and, if there is one, `baseline`.

    Raises:
        InputError: If the server does not start with them, or ends during the `with` block. If it is the
            baseline that cannot be served, the message says so.
    """
    number = int(baseline.name) + 1 if baseline else 1
    folder = Path(tempfile.mkdtemp(prefix="trial-", dir=candidate.parent))  # another one for each baseline
    (folder / name).mkdir()
    versions = {"candidate": number} | ({"baseline": number - 1} if baseline else {})
    for role, path in (("candidate", candidate), ("baseline", baseline)):
        if path:
            os.symlink(path.absolute(), folder / name / str(versions[role]))
    try:
        with candidate_server(folder, [name]) as server:
            yield server, versions
            server.check_alive()
    except InputError as error:
        link = str(folder / name / str(number - 1))
        if baseline is None or link not in str(error):
            raise
        reason = str(error).replace(link, str(baseline))
        raise InputError(
            f"the latest version, with which it is to be compared, cannot be served ({reason}); remove it"
        ) from error


def warmup_difference(candidate: Path, version: int, server: CandidateServer) -> float:
    """Send the warm-up requests, and return the largest difference from the expected responses.

    The difference is NaN if a response has a NaN, and infinite if a string differs.
    """
    largest = 0.0
    with open_channel(server.address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for log in read_warmup(candidate):
            call = log.predict_log
            call.request.model_spec.version.value = version
            try:
                response = stub.Predict(call.request, timeout=TIMEOUT)
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


@contextmanager
def candidate_server(models: Path, names: list[str]) -> Iterator[CandidateServer]:
    """Serve all versions of some models in a process of their own.

    Args:
        models: Folder with subfolders `NAME/VERSION/`.
        names: Names of the models.

    Raises:
        InputError: If the server does not start; the message gives the reason.
    """
    config = ModelServerConfig()
    for name in names:
        model = config.model_config_list.config.add(name=name, model_platform="tensorflow")
        model.base_path = str((models / name).absolute())
        model.model_version_policy.all.SetInParent()
    # Spawned, not forked: threads and TensorFlow of this process would be broken in a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as scratch:
        file, log = Path(scratch) / "models.config", Path(scratch) / "log"
        file.write_text(text_format.MessageToString(config))
        process = context.Process(target=_serve, args=(models, file, log, theirs), daemon=True)
        process.start()
        theirs.close()  # so that the wait for the address ends if the server dies
        server = CandidateServer(process, log)
        try:
            server.address = _address(ours, server)
            yield server
        finally:
            process.terminate()
            process.join(_STOP_SECONDS)
            process.kill()
            process.join()
            ours.close()


def _address(pipe: Connection, server: CandidateServer) -> str:
    try:
        if pipe.poll(_START_SECONDS):
            return pipe.recv()
    except EOFError:
        server.check_alive(_STOP_SECONDS)
    raise InputError(f"the server does not start within {_START_SECONDS:g} s")


def _serve(models: Path, config: Path, log: Path, pipe: Connection) -> None:
    # TensorFlow's message when it aborts goes to file descriptor 2, past Python.
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    from serving.server import serve
    from serving.server_options import ServerOptions

    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    options = ServerOptions(model_config_file=config, file_system_poll_wait_seconds=0)
    serve(models, port=0, options=options, ready=lambda server: pipe.send(server.address))


def _end_with_parent(pipe: Connection) -> None:
    """Wait until the pipe breaks because the parent process has ended."""
    try:
        pipe.recv()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
