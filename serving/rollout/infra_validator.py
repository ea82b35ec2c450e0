"""A real server process that a new version is tried on, away from the one that serves."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from google.protobuf import text_format

from pipelines.errors import InputError
from serving.protocol.config_files import ModelServerConfig

_START_SECONDS = 300.0
_STOP_SECONDS = 30.0


class TrialServer:
    """A running trial.

    Attributes:
        address: `host:port` of its gRPC service.
    """

    def __init__(self, process: multiprocessing.process.BaseProcess, log: Path) -> None:
        self.address = ""
        self._process = process
        self._log = log

    def check_alive(self, patience: float = 0.5) -> None:
        """Raise `InputError` if the process has ended, with what it said last.

        Args:
            patience: seconds in which it may still end: a client sees the broken connection before the system
                has buried the process.
        """
        self._process.join(patience)
        code = self._process.exitcode
        if code is None:
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        lines = self._log.read_text(errors="replace").strip().splitlines()
        raise InputError(f"it ends the server ({how}{f': {lines[-1]}' if lines else ''})")


@contextmanager
def trial_server(models: Path, names: list[str]) -> Iterator[TrialServer]:
    """Serve all versions of some models from a process of its own.

    Args:
        models: folder with `NAME/VERSION/`.
        names: of the models.

    Raises:
        InputError: if it does not start; it says why.
    """
    config = ModelServerConfig()
    for name in names:
        model = config.model_config_list.config.add(name=name, model_platform="tensorflow")
        model.base_path = str((models / name).absolute())
        model.model_version_policy.all.SetInParent()
    # Not a copy of this process, whose threads and TensorFlow would be broken in it.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as scratch:
        file, log = Path(scratch) / "models.config", Path(scratch) / "log"
        file.write_text(text_format.MessageToString(config))
        process = context.Process(target=_serve, args=(models, file, log, theirs), daemon=True)
        process.start()
        theirs.close()  # so that a server that dies ends the wait for its address
        server = TrialServer(process, log)
        try:
            server.address = _address(ours, server)
            yield server
        finally:
            process.terminate()
            process.join(_STOP_SECONDS)
            process.kill()
            process.join()
            ours.close()


def _address(pipe: Connection, server: TrialServer) -> str:
    try:
        if pipe.poll(_START_SECONDS):
            return pipe.recv()
    except EOFError:
        server.check_alive(_STOP_SECONDS)
    raise InputError(f"the server does not start within {_START_SECONDS:g} s")


def _serve(models: Path, config: Path, log: Path, pipe: Connection) -> None:
    # What TensorFlow says when it aborts goes to file descriptor 2, past Python.
    with log.open("wb") as file:
        os.dup2(file.fileno(), 2)
    from serving.server import serve
    from serving.server_options import ServerOptions

    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    options = ServerOptions(model_config_file=config, file_system_poll_wait_seconds=0)
    serve(models, port=0, options=options, ready=lambda server: pipe.send(server.address))


def _end_with_parent(pipe: Connection) -> None:
    """Wait for the pipe to break, which it does when the other side is killed."""
    try:
        pipe.recv()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
