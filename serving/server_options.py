"""Settings of the server, named like TensorFlow Serving's flags where Serving has them."""

from pathlib import Path

from pipelines.cores import num_cores
from pipelines.settings import check_settings, number, settings

_DAY = 86_400  # seconds


@settings
class ServerOptions:
    """Settings of the server.

    Attributes:
        rest_api_port: Port of the REST API and the metrics. By default neither is served.
        rest_api_timeout_in_ms: Longest time for a REST request, milliseconds.
        rest_api_num_threads: Number of REST requests in progress at the same time: running or waiting.
        rest_api_enable_cors_support: Send CORS headers with REST responses.
        rest_api_idle_timeout_seconds: Time after which an idle HTTP connection is closed, seconds.
        rest_api_enable_npz: Send outputs as a NumPy file to REST clients that accept application/x-npz.
        model_name: Name of the model in model_base_path.
        model_base_path: Folder of one model with its versions, in place of a folder of models.
        model_config_file: File with a ModelServerConfig of TensorFlow Serving: models, versions and labels to
            serve. By default the latest version of every model in the folder.
        model_config_file_poll_wait_seconds: Interval at which the model_config_file is read again, seconds; 0
            for never.
        file_system_poll_wait_seconds: Interval at which the server looks for new versions, seconds; 0 for
            never.
        enable_batching: Run requests that arrive together in one batch.
        batching_parameters_file: File with the BatchingParameters of TensorFlow Serving.
        enable_serialization_as_tensor_content: Write the outputs of Predict as tensor_content, and not to
            their typed field (float_val, ...).
        ssl_config_file: File with an SSLConfig of TensorFlow Serving: key and certificates for gRPC over TLS.
        monitoring_config_file: File with a MonitoringConfig of TensorFlow Serving. Without it there are no
            metrics.
        grpc_socket_path: Path of a Unix socket on which gRPC also listens.
        grpc_channel_arguments: Settings of the gRPC server, as NAME=VALUE,NAME=VALUE.
        grpc_max_threads: Number of gRPC requests in progress at the same time: running or waiting.
        allow_plaintext: Listen without TLS on addresses that other machines can reach.
        max_concurrency: Number of requests that TensorFlow runs at the same time; by default one per core.
        tensorflow_intra_op_parallelism: Number of threads within an operation of TensorFlow; 0 for one per
            core. More than one slow the shipped networks down; large ones such as FlowNetS answer a single
            request sooner with more.
        tensorflow_inter_op_parallelism: Number of operations of TensorFlow that run at the same time; 0 for
            one per core.
        max_message_bytes: Largest gRPC request, bytes.
        max_elements: Largest number of elements of one input.
        shutdown_grace_seconds: Time for requests in progress to finish after SIGTERM, seconds.

    Raises:
        InputError: If a number is outside its range.
    """

    rest_api_port: int | None = number(default=None, minimum=0, maximum=65535)
    rest_api_timeout_in_ms: int = number(default=30_000, minimum=1)
    rest_api_num_threads: int = number(default=32, minimum=1, maximum=4096)
    rest_api_enable_cors_support: bool = False
    rest_api_idle_timeout_seconds: float = number(default=50.0, above=0, maximum=_DAY)
    rest_api_enable_npz: bool = False
    model_name: str = "default"
    model_base_path: Path | None = None
    model_config_file: Path | None = None
    model_config_file_poll_wait_seconds: float = number(default=0.0, minimum=0, maximum=_DAY)
    file_system_poll_wait_seconds: float = number(default=0.1, minimum=0, maximum=_DAY)
    enable_batching: bool = False
    batching_parameters_file: Path | None = None
    enable_serialization_as_tensor_content: bool = False
    ssl_config_file: Path | None = None
    monitoring_config_file: Path | None = None
    grpc_socket_path: Path | None = None
    grpc_channel_arguments: str = ""
    grpc_max_threads: int = number(default=32, minimum=1, maximum=4096)
    allow_plaintext: bool = False
    max_concurrency: int = number(default=num_cores(), minimum=1, maximum=4096)
    tensorflow_intra_op_parallelism: int = number(default=1, minimum=0, maximum=4096)
    tensorflow_inter_op_parallelism: int = number(default=0, minimum=0, maximum=4096)
    max_message_bytes: int = number(default=256 * 2**20, minimum=1024, maximum=2**31 - 1)
    max_elements: int = number(default=2**25, minimum=1)
    shutdown_grace_seconds: float = number(default=10.0, minimum=0, maximum=_DAY)

    def __post_init__(self) -> None:
        check_settings(self)
