"""The server process around the services: address, limits, start and a graceful end."""

import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from pipelines.errors import InputError
from serving.memory import keep_freed_memory
from serving.models import Models, find_models
from serving.predict import MAX_ELEMENTS
from serving.service import PredictionService
from serving.stubs import prediction_service_pb2_grpc

DEFAULT_PORT = 8500  # TensorFlow Serving's for gRPC

#: Bytes of one request or response. Two 3840x2160 frames as float32 are 199 million.
MAX_MESSAGE = 256 * 2**20


@dataclass(frozen=True)
class ServerOptions:
    """What a server allows itself.

    Attributes:
        slots: requests that run in TensorFlow at the same time. Each uses several cores by itself.
        threads: requests that are read, checked and waiting at the same time.
        max_message: bytes of one request; a larger one gets RESOURCE_EXHAUSTED.
        max_elements: elements of one input.
        grace: seconds that requests in progress have to end when the server stops.
    """

    slots: int = field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 4))
    threads: int = 16
    max_message: int = MAX_MESSAGE
    max_elements: int = MAX_ELEMENTS
    grace: float = 10.0


class Server:
    """A server of the models in a folder, running between `start` and `stop` or inside a `with`.

    Example:
        >>> with Server("models", port=0) as server, FaceFlowClient(server.address) as client:
        ...     flow = client.flow(frame1, frame2)

    Args:
        models: the base folder, with `NAME/VERSION/` in it.
        host: address to listen on; by default nobody outside this machine can connect.
        port: 0 for any free one.
        options: limits.

    Raises:
        InputError: from `start`, if there is no model, one is damaged, or the port is taken.
    """

    def __init__(
        self,
        models: Path | str,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        options: ServerOptions | None = None,
    ) -> None:
        self.folder = Path(models)
        self.host = host
        self.port = port
        self.options = options or ServerOptions()
        self.models: Models | None = None
        self._grpc: grpc.Server | None = None

    @property
    def address(self) -> str:
        """`host:port`, as a client writes it; the port is the real one once started."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def start(self) -> "Server":
        """Load the models, then answer; returns when the first request can be sent."""
        find_models(self.folder)
        _check_port(self.host, self.port)  # at once, and not after the weights have been read
        self.models = Models(self.folder)
        keep_freed_memory()
        server = grpc.server(
            futures.ThreadPoolExecutor(self.options.threads, thread_name_prefix="rpc"),
            options=[
                ("grpc.max_receive_message_length", self.options.max_message),
                ("grpc.max_send_message_length", -1),
                # Otherwise two servers can share a port, and each gets some of the requests.
                ("grpc.so_reuseport", 0),
            ],
        )
        service = PredictionService(self.models, self.options.slots, self.options.max_elements)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
        try:
            self.port = server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise InputError(f"{self.address}: cannot listen there ({error})") from error
        server.start()
        self._grpc = server
        return self

    def stop(self) -> None:
        """Refuse new requests with UNAVAILABLE, let those in progress end, close the port."""
        if self._grpc is not None:
            self._grpc.stop(self.options.grace).wait()
            self._grpc = None

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()


def serve(
    models: Path | str,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    options: ServerOptions | None = None,
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C), then stop gracefully and return.

    Args:
        models: the base folder, with `NAME/VERSION/` in it.
        host: address to listen on.
        port: 0 for any free one.
        options: limits.
        ready: called once requests are answered.

    Raises:
        InputError: if there is no model, one is damaged, or the port is taken.
        ValueError: outside of the main thread, which alone can handle signals; use `Server` there.
    """
    with Server(models, host, port, options) as server, _stop_signals() as signals:
        if ready is not None:
            ready(server)
        signals.get()


def _check_port(host: str, port: int) -> None:
    """Say why a port cannot be had; gRPC itself only says that it cannot."""
    if not 0 <= port <= 65535:  # the system would take it modulo 65536
        raise InputError(f"port {port}: ports are numbers from 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise InputError(
            f"{host}:{port}: cannot listen there ({error.strerror}); choose another port or address"
        ) from error


@contextmanager
def _stop_signals() -> Iterator["queue.SimpleQueue[int]"]:
    # SimpleQueue.put may be called while the same thread is inside get; an Event's set may not.
    received: queue.SimpleQueue[int] = queue.SimpleQueue()
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("serve() needs the main thread; use Server in others")
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: received.put(number)) for number in signals}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
