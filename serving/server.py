"""The server: gRPC and REST around the data plane, polling for new versions, graceful shutdown."""

import gc
import logging
import threading
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path

import grpc
import tensorflow as tf

from pipelines.errors import InputError
from serving.grpc.interceptors import MalformedMessageInterceptor, RequestLogInterceptor
from serving.grpc.model_service import ModelService
from serving.grpc.prediction_service import PredictionService
from serving.grpc.standard_services import add_health, add_reflection
from serving.logs import logging_to_stderr
from serving.protocol.addresses import join_address, listening_sockets
from serving.protocol.config_files import read_config
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import ModelServerConfig, model_service_pb2_grpc, prediction_service_pb2_grpc
from serving.repository.models import Models
from serving.repository.versions import find_models
from serving.rest.http_server import HttpServer
from serving.rest.rest_api import rest_app
from serving.runtime.data_plane import DataPlane, warm_up
from serving.runtime.execution import Execution
from serving.runtime.memory import keep_freed_memory
from serving.runtime.metrics import Metrics
from serving.runtime.request_log import RequestLog
from serving.runtime.tensorflow_threads import set_tensorflow_threads
from serving.server_options import ServerOptions
from serving.server_setup import (
    as_input_error,
    batching,
    check_host,
    credentials,
    grpc_options,
    model_config,
    rest_options,
)
from serving.stop_signals import stop_signals

DEFAULT_PORT = 8500  # TensorFlow Serving's for gRPC

#: Graphs are optimised once, at the export. Optimising each signature again would take most of the time until
#: a new version is available.
NO_GRAPH_OPTIMISATION = {"disable_meta_optimizer": True}

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 60.0  # after which a configuration file whose models do not load is tried again


class Server:
    """A server of models, which runs between `start` and `stop` or inside a `with` block.

    Examples:
        >>> with Server("models", port=0) as server, FaceFlowClient(server.address) as client:
        ...     flow = client.flow(frame1, frame2)

    Args:
        models: Folder of the models, with subfolders `NAME/VERSION/`; None if `options` name the models.
        host: Address to listen on. By default only this machine can connect.
        port: Port of gRPC; 0 for any free one.
        options: Settings of the server.

    Attributes:
        models: Served models.
        metrics: Metrics of the requests.

    Raises:
        InputError: From `start`, if there is no model, a model is damaged, the port is taken, or a file or
            option is wrong.
    """

    def __init__(
        self,
        models: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        options: ServerOptions | None = None,
    ) -> None:
        self.folder = None if models is None else Path(models)
        self.host = host
        self.port = port
        self.options = options or ServerOptions()
        self.metrics = Metrics()
        self.models: Models | None = None
        self._grpc: grpc.Server | None = None
        self._http: HttpServer | None = None
        self._stopping = threading.Event()
        # The configuration of the file that was applied last, and `Models.reloads` after it.
        self._applied: tuple[ModelServerConfig | None, int] = (None, 0)
        self._refused: ModelServerConfig | None = None  # that was tried last, in vain
        self._next_attempt = 0.0  # by `time.monotonic`

    @property
    def address(self) -> str:
        """`host:port` of gRPC, as a client writes it. After `start` it has the port that was chosen."""
        return join_address(self.host, self.port)

    @property
    def rest_address(self) -> str | None:
        """`host:port` of the REST API, if it is served."""
        return join_address(self.host, self._http.port) if self._http else None

    def start(self) -> "Server":
        """Load the models and start serving; return when requests can be sent."""
        options = self.options
        # Errors in the settings are reported before the weights are read.
        check_host(options, self.host)
        secure, parameters = credentials(options), batching(options)
        arguments, rest = grpc_options(options), rest_options(options)
        config = model_config(options, self.folder)
        if config is None:
            find_models(self.folder)
        for port in filter(None, (self.port, options.rest_api_port)):
            for each in listening_sockets(self.host, port):
                each.close()
        set_tensorflow_threads(
            options.tensorflow_intra_op_parallelism, options.tensorflow_inter_op_parallelism
        )
        execution = Execution(options.max_concurrency, parameters)
        self.models = self._load(execution, config)
        self._applied = (config, 0)
        data_plane = DataPlane(
            self.models,
            execution,
            self.metrics,
            options.max_elements,
            options.enable_serialization_as_tensor_content,
        )
        request_log = RequestLog(self.metrics, lambda name: bool(self.models.states(name)))
        keep_freed_memory()
        server = grpc.server(
            futures.ThreadPoolExecutor(options.grpc_max_threads, thread_name_prefix="rpc"),
            interceptors=[MalformedMessageInterceptor(), RequestLogInterceptor(request_log)],
            options=arguments,
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(data_plane), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(self.models), server)
        self._health = add_health(server)
        self._reflection = add_reflection(server)
        self.port = _listen(server, self.address, secure)
        if options.grpc_socket_path:
            _listen(server, f"unix:{options.grpc_socket_path}", secure)
        if options.rest_api_port is not None:
            app = rest_app(data_plane, request_log, self.metrics, rest)
            self._http = HttpServer(
                app,
                self.host,
                options.rest_api_port,
                options.shutdown_grace_seconds,
                options.rest_api_idle_timeout_seconds,
            )
        server.start()
        self._grpc = server
        self._stopping.clear()
        threading.Thread(target=self._poll, name="poll", daemon=True).start()
        return self

    def stop(self) -> None:
        """Reject new requests with UNAVAILABLE, let requests in progress finish, and close the ports."""
        self._stopping.set()
        if self._grpc is None:
            return
        self._health.enter_graceful_shutdown()
        self._reflection.end()
        if self._http:
            self._http.stop()
        self._grpc.stop(self.options.shutdown_grace_seconds).wait()
        self._grpc = None
        if self._http:
            self._http.wait()
            self._http = None

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _load(self, execution: Execution, config: ModelServerConfig | None) -> Models:
        try:
            return Models(
                self.folder,
                lambda model, log: warm_up(execution, model, log, self.options.max_elements),
                config,
                self.metrics.load,
            )
        except ServingError as error:
            raise as_input_error(self.options, error) from error

    def _poll(self) -> None:
        """Look for new versions and for a new configuration, each at its interval."""
        intervals = {
            self._look_for_versions: self.options.file_system_poll_wait_seconds,
            self._reread_config: self.options.model_config_file_poll_wait_seconds,
        }
        due = {look: time.monotonic() + wait for look, wait in intervals.items() if wait > 0}
        said: dict[Callable[[], None], str] = {}  # what lasts is logged once, not ten times a second
        while due:
            look = min(due, key=due.get)
            if self._stopping.wait(max(0.0, due[look] - time.monotonic())):
                return
            try:
                look()
                said.pop(look, None)
            except (InputError, ServingError) as error:
                if said.get(look) != str(error):
                    _log.error("%s", error)
                said[look] = str(error)
            except Exception as error:  # the models that are served stay available
                if said.get(look) != repr(error):
                    _log.exception("cannot look for new versions")
                said[look] = repr(error)
            due[look] = time.monotonic() + intervals[look]

    def _look_for_versions(self) -> None:
        self.models.poll(settled=True)

    def _reread_config(self) -> None:
        if not self.options.model_config_file:
            return
        config = read_config(self.options.model_config_file, ModelServerConfig)
        # Models that do not load are tried again after a while, and not at each look.
        if config == self._refused and time.monotonic() < self._next_attempt:
            return
        if (config, self.models.reloads) == self._applied:  # neither the file nor a client has changed it
            return
        try:
            self.models.reload(config, trusted=True)
            self._applied, self._refused = (config, self.models.reloads), None
        except ServingError as error:
            if error.code is grpc.StatusCode.UNKNOWN:
                self._refused, self._next_attempt = config, time.monotonic() + _RETRY_SECONDS
            raise


def _listen(server: grpc.Server, address: str, secure: grpc.ServerCredentials | None) -> int:
    try:
        return server.add_secure_port(address, secure) if secure else server.add_insecure_port(address)
    except RuntimeError as error:
        raise InputError(f"{address}: cannot listen at this address ({error})") from error


def serve(
    models: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    options: ServerOptions | None = None,
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C), then stop gracefully and return. Logs go to stderr as JSON.

    Args:
        models: Folder of the models, with subfolders `NAME/VERSION/`; None if `options` name the models.
        host: Address to listen on.
        port: Port of gRPC; 0 for any free one.
        options: Settings of the server.
        ready: Function to call once requests can be sent; it is given the server.

    Raises:
        InputError: As for `Server.start`.
        ValueError: If called outside the main thread, because only the main thread can handle signals. Use
            `Server` in other threads.
    """
    with stop_signals() as signals, logging_to_stderr():
        tf.config.optimizer.set_experimental_options(NO_GRAPH_OPTIMISATION)
        # Imported modules are never freed. Without this, garbage collection after each hot swap would
        # traverse all of them and delay every request by 0.3 s.
        gc.freeze()
        with Server(models, host, port, options) as server:
            if ready is not None:
                ready(server)
            signals.get()
