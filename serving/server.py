"""The server process around the services: start, watch, and a graceful end."""

import gc
import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import tensorflow as tf

from pipelines.errors import InputError
from serving.grpc.malformed_messages import Decoding
from serving.grpc.model_service import ModelService
from serving.grpc.prediction_service import PredictionService
from serving.grpc.standard_services import add_health, add_reflection
from serving.logs import logging_to_stderr
from serving.protocol.addresses import bound_socket, join_address
from serving.protocol.config_files import ModelServerConfig, read_config
from serving.protocol.serving_error import Refusal
from serving.protocol.stubs import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc
from serving.repository.model import Model
from serving.repository.models import Models
from serving.repository.versions import find_models
from serving.rest.http_server import HttpServer
from serving.rest.rest_api import rest_app
from serving.runtime.data_plane import Inference
from serving.runtime.execution import Execution, Waiting
from serving.runtime.memory import keep_freed_memory
from serving.runtime.metrics import Metrics
from serving.runtime.predict import predict
from serving.runtime.request_context import Answering
from serving.server_options import ServerOptions

DEFAULT_PORT = 8500  # TensorFlow Serving's for gRPC

#: Graphs are exported small (`smaller_graph`). To let TensorFlow optimise each signature of them again would
#: be most of the time that a new version takes until it answers.
AS_EXPORTED = {"disable_meta_optimizer": True}

_log = logging.getLogger(__name__)


class Server:
    """A server of the models in a folder, running between `start` and `stop` or inside a `with`.

    Example:
        >>> with Server("models", port=0) as server, FaceFlowClient(server.address) as client:
        ...     flow = client.flow(frame1, frame2)

    Args:
        models: the base folder, with `NAME/VERSION/` in it.
        host: address to listen on; by default nobody outside this machine can connect.
        port: 0 for any free one.
        options: limits, files and intervals.

    Attributes:
        models: that are served.
        metrics: what was counted.

    Raises:
        InputError: from `start`, if there is no model, one is damaged, the port is taken, or a file or option
            is wrong.
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
        self.metrics = Metrics()
        self.models: Models | None = None
        self._grpc: grpc.Server | None = None
        self._http: HttpServer | None = None
        self._stopping = threading.Event()

    @property
    def address(self) -> str:
        """`host:port` of gRPC, as a client writes it; the port is the real one once started."""
        return join_address(self.host, self.port)

    @property
    def rest_address(self) -> str | None:
        """`host:port` of the REST API, if it is served."""
        return join_address(self.host, self._http.port) if self._http else None

    def start(self) -> "Server":
        """Load the models, then answer; returns when the first request can be sent."""
        options = self.options
        # What can be wrong is found before the weights are read.
        options.check_host(self.host)
        credentials, batching, metrics_path = (
            options.credentials(),
            options.batching(),
            options.metrics_path(),
        )
        find_models(self.folder)
        for port in filter(None, (self.port, options.rest_api_port)):
            bound_socket(self.host, port).close()
        execution = Execution(options.slots, batching)
        self.models = self._load(execution)
        inference = Inference(self.models, execution, self.metrics, options.max_elements)
        answering = Answering(self.metrics, lambda name: bool(self.models.states(name)))
        keep_freed_memory()
        server = grpc.server(
            futures.ThreadPoolExecutor(options.threads, thread_name_prefix="rpc"),
            interceptors=[Decoding()],
            options=[
                ("grpc.max_receive_message_length", options.max_message),
                ("grpc.max_send_message_length", -1),
                # Otherwise two servers can share a port, and each gets some of the requests.
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(inference, answering), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(self.models, answering), server
        )
        self._health = add_health(server)
        add_reflection(server)
        try:
            if credentials:
                self.port = server.add_secure_port(self.address, credentials)
            else:
                self.port = server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise InputError(f"{self.address}: cannot listen there ({error})") from error
        if options.rest_api_port is not None:
            timeout = options.rest_api_timeout_in_ms / 1000
            app = rest_app(inference, answering, self.metrics, metrics_path, timeout)
            self._http = HttpServer(app, self.host, options.rest_api_port, options.grace)
        server.start()
        self._grpc = server
        self._stopping.clear()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuse new requests with UNAVAILABLE, let those in progress end, close the ports."""
        self._stopping.set()
        if self._grpc is None:
            return
        self._health.enter_graceful_shutdown()
        if self._http:
            self._http.stop()
        self._grpc.stop(self.options.grace).wait()
        self._grpc = None
        if self._http:
            self._http.wait()
            self._http = None

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _load(self, execution: Execution) -> Models:
        def answer(model: Model, request: predict_pb2.PredictRequest) -> None:
            def run(signature, inputs, outputs):
                return execution.run(model, signature, inputs, outputs, Waiting(), in_turn=False)

            predict(model, request, run, self.options.max_elements)

        file = self.options.model_config_file
        try:
            config = read_config(file, ModelServerConfig) if file else None
            return Models(self.folder, answer, config, self.metrics.load)
        except Refusal as refusal:
            raise InputError(f"{file}: {refusal.message}") from refusal

    def _watch(self) -> None:
        """Look for new versions, and for a new configuration, as often as the options say."""
        waits = {
            self.models.poll: self.options.file_system_poll_wait_seconds,
            self._reread_config: self.options.model_config_file_poll_wait_seconds,
        }
        due = {look: time.monotonic() + wait for look, wait in waits.items() if wait > 0}
        while due:
            look = min(due, key=due.get)
            if self._stopping.wait(max(0.0, due[look] - time.monotonic())):
                return
            try:
                look()
            except (InputError, Refusal) as error:
                _log.error("%s", error)
            except Exception:  # what is served goes on being served
                _log.exception("cannot look for new versions")
            due[look] = time.monotonic() + waits[look]

    def _reread_config(self) -> None:
        if self.options.model_config_file:
            self.models.reload(read_config(self.options.model_config_file, ModelServerConfig))


def serve(
    models: Path | str,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    options: ServerOptions | None = None,
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C), then stop gracefully and return; logs go to stderr as JSON.

    Args:
        models: the base folder, with `NAME/VERSION/` in it.
        host: address to listen on.
        port: 0 for any free one.
        options: limits, files and intervals.
        ready: called once requests are answered.

    Raises:
        InputError: as `Server.start`.
        ValueError: outside of the main thread, which alone can handle signals; use `Server` there.
    """
    with _stop_signals() as signals, logging_to_stderr():
        tf.config.optimizer.set_experimental_options(AS_EXPORTED)
        # What has been imported stays for good. To go through all of it again at the end of each version
        # would keep every request waiting for 0.3 s.
        gc.freeze()
        with Server(models, host, port, options) as server:
            if ready is not None:
                ready(server)
            signals.get()


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
