"""Settings of the server, named like TensorFlow Serving's flags where Serving has them."""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from pipelines.errors import InputError


@dataclass(frozen=True)
class Range:
    """Allowed values of a setting, both ends included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


def _ranged(kind: type, low: float, high: float) -> object:
    """Return a type with its range, which `--help` shows and `ServerOptions` checks."""
    allowed = Range(low, high)
    return Annotated[kind, arg(metavar=str(allowed)), allowed]


Port = _ranged(int, 0, 65535)
_Seconds = _ranged(float, 0, 86_400)
_Count = _ranged(int, 1, 4096)
_Bytes = _ranged(int, 1024, 2**31 - 1)
_Elements = _ranged(int, 1, 2**40)
_Milliseconds = _ranged(int, 1, 86_400_000)


@dataclass(frozen=True)
class ServerOptions:
    """Settings of the server.

    Attributes:
        rest_api_port: Port of the REST API and the metrics; by default there is neither.
        rest_api_timeout_in_ms: Longest time for a REST request, milliseconds.
        rest_api_num_threads: Number of REST requests that are parsed and wait at the same time.
        rest_api_enable_cors_support: Send CORS headers with REST responses.
        rest_api_idle_timeout_seconds: Time after which an idle HTTP connection is closed, seconds.
        rest_api_enable_npz: Send outputs as a NumPy file to REST clients that accept application/x-npz.
        model_name: Name of the model in model_base_path.
        model_base_path: Folder of one model, with its versions in it; in place of a folder of models.
        model_config_file: Serving's ModelServerConfig: models, versions and labels to serve. Without it, all
            models of the folder in their latest version.
        model_config_file_poll_wait_seconds: Interval of reading that file again, seconds; 0 for never.
        file_system_poll_wait_seconds: Interval of looking for new versions, seconds; 0 for never.
        enable_batching: Run requests together that arrive together.
        batching_parameters_file: Serving's BatchingParameters.
        enable_serialization_as_tensor_content: Write the outputs of Predict as tensor_content and not to
            their typed field (float_val, ...).
        ssl_config_file: Serving's SSLConfig: key and certificates for gRPC over TLS.
        monitoring_config_file: Serving's MonitoringConfig; without it there are no metrics.
        grpc_socket_path: Path of a Unix socket on which gRPC listens too.
        grpc_channel_arguments: Settings of the gRPC server, as NAME=VALUE,NAME=VALUE.
        grpc_max_threads: Number of gRPC requests that are parsed and wait at the same time.
        allow_plaintext: Listen without TLS on addresses that other machines can reach.
        max_concurrency: Number of requests that TensorFlow runs at the same time, each on several cores.
        max_message_bytes: Largest gRPC request, bytes.
        max_elements: Most elements of one input.
        shutdown_grace_seconds: Time that requests in progress have to finish after SIGTERM, seconds.

    Raises:
        InputError: for a value out of its range.
    """

    rest_api_port: Port | None = None
    rest_api_timeout_in_ms: _Milliseconds = 30_000
    rest_api_num_threads: _Count = 32
    rest_api_enable_cors_support: bool = False
    rest_api_idle_timeout_seconds: _Seconds = 50.0
    rest_api_enable_npz: bool = False
    model_name: str = "default"
    model_base_path: Path | None = None
    model_config_file: Path | None = None
    model_config_file_poll_wait_seconds: _Seconds = 0.0
    file_system_poll_wait_seconds: _Seconds = 0.1
    enable_batching: bool = False
    batching_parameters_file: Path | None = None
    enable_serialization_as_tensor_content: bool = False
    ssl_config_file: Path | None = None
    monitoring_config_file: Path | None = None
    grpc_socket_path: Path | None = None
    grpc_channel_arguments: str = ""
    grpc_max_threads: _Count = 32
    allow_plaintext: bool = False
    max_concurrency: _Count = field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 4))
    max_message_bytes: _Bytes = 256 * 2**20  # two 3840x2160 frames as float32 are 199 million
    max_elements: _Elements = 2**25
    shutdown_grace_seconds: _Seconds = 10.0

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            for allowed in _ranges(setting.type):
                if value is not None and not allowed.low <= value <= allowed.high:
                    raise InputError(f"--{setting.name} is {value}; it must be in {allowed}")


def _ranges(kind: object) -> list[Range]:
    """Return the ranges in a type, also in `X | None`."""
    inside = [found for part in getattr(kind, "__args__", ()) for found in _ranges(part)]
    return [item for item in getattr(kind, "__metadata__", ()) if isinstance(item, Range)] + inside
