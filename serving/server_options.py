"""What a server is told, named like TensorFlow Serving's flags where it has them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from pipelines.errors import InputError
from serving.protocol.addresses import is_loopback
from serving.protocol.config_files import MonitoringConfig, SSLConfig, read_config
from serving.runtime.batching import Batching, read_batching
from serving.runtime.checks import MAX_ELEMENTS
from serving.runtime.metrics import METRICS_PATH

#: Bytes of one request or response. Two 3840x2160 frames as float32 are 199 million.
MAX_MESSAGE = 256 * 2**20


@dataclass(frozen=True)
class ServerOptions:
    """What a server allows itself.

    Attributes:
        rest_api_port: to serve the REST API on, 0 for any free one; None for no REST API.
        rest_api_timeout_in_ms: how long a REST request may take, milliseconds.
        model_config_file: which models, versions and labels to serve; by default all models, each in its
            latest version.
        model_config_file_poll_wait_seconds: how often to read that file again; 0 for never.
        file_system_poll_wait_seconds: how often to look for new versions; 0 for never.
        enable_batching: join requests that arrive together.
        batching_parameters_file: parameters of that.
        ssl_config_file: key and certificates for gRPC over TLS.
        monitoring_config_file: whether and where to show metrics; by default where Serving does.
        allow_plaintext: listen without TLS on addresses that other machines can reach.
        slots: requests that run in TensorFlow at the same time. Each uses several cores by itself.
        threads: requests that are read, checked and waiting at the same time.
        max_message: bytes of one request; a larger one gets RESOURCE_EXHAUSTED.
        max_elements: elements of one input.
        grace: seconds that requests in progress have to end when the server stops.
    """

    rest_api_port: int | None = None
    rest_api_timeout_in_ms: int = 30_000
    model_config_file: Path | None = None
    model_config_file_poll_wait_seconds: float = 0
    file_system_poll_wait_seconds: float = 0.1
    enable_batching: bool = False
    batching_parameters_file: Path | None = None
    ssl_config_file: Path | None = None
    monitoring_config_file: Path | None = None
    allow_plaintext: bool = False
    slots: int = field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 4))
    threads: int = 32
    max_message: int = MAX_MESSAGE
    max_elements: int = MAX_ELEMENTS
    grace: float = 10.0

    def check_host(self, host: str) -> None:
        """Raise `InputError` if what is sent to an address can be read on the way and nobody asked for it."""
        if is_loopback(host) or self.allow_plaintext:
            return
        if self.ssl_config_file is None or self.rest_api_port is not None:
            what = "gRPC" if self.ssl_config_file is None else "the REST API, which has no TLS,"
            raise InputError(
                f"{host}: {what} would be in plain text for the whole network; give --ssl_config_file for "
                "gRPC, or --allow_plaintext if something in front encrypts"
            )

    def batching(self) -> Batching | None:
        """Return the parameters of batching, or None if requests are not joined."""
        if self.batching_parameters_file and not self.enable_batching:
            raise InputError(f"{self.batching_parameters_file}: is not read without --enable_batching")
        if not self.enable_batching:
            return None
        default = Batching(num_batch_threads=self.slots)
        return (
            read_batching(self.batching_parameters_file, default)
            if self.batching_parameters_file
            else default
        )

    def metrics_path(self) -> str | None:
        """Return where metrics are shown, or None for nowhere."""
        if self.monitoring_config_file is None:
            return METRICS_PATH
        given = read_config(self.monitoring_config_file, MonitoringConfig).prometheus_config
        return (given.path or METRICS_PATH) if given.enable else None

    def credentials(self) -> grpc.ServerCredentials | None:
        """Return key and certificates for TLS, or None for plain text."""
        if self.ssl_config_file is None:
            return None
        given = read_config(self.ssl_config_file, SSLConfig)
        if not (given.server_key and given.server_cert):
            raise InputError(f"{self.ssl_config_file}: server_key and server_cert must hold PEM text")
        if given.client_verify and not given.custom_ca:
            raise InputError(f"{self.ssl_config_file}: client_verify needs custom_ca, to verify against")
        return grpc.ssl_server_credentials(
            [(given.server_key.encode(), given.server_cert.encode())],
            root_certificates=given.custom_ca.encode() or None,
            require_client_auth=given.client_verify,
        )
