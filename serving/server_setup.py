"""Turns settings and configuration files into arguments of the gRPC server, the batcher and the REST API."""

import ssl
import tempfile
from pathlib import Path

import grpc

from pipelines.errors import InputError
from serving.protocol.addresses import is_loopback
from serving.protocol.config_files import read_config
from serving.protocol.descriptors import MonitoringConfig, SSLConfig
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import ModelServerConfig
from serving.repository.model_config import one_model
from serving.rest.rest_api import RestOptions
from serving.runtime.batching import Batching, read_batching
from serving.runtime.metrics import METRICS_PATH
from serving.server_options import ServerOptions


def check_host(options: ServerOptions, host: str) -> None:
    """Raise `InputError` if requests would cross the network in plain text without --allow_plaintext."""
    if is_loopback(host) or options.allow_plaintext:
        return
    if options.ssl_config_file is None or options.rest_api_port is not None:
        what = "gRPC" if options.ssl_config_file is None else "the REST API, which has no TLS,"
        raise InputError(
            f"{host}: {what} would be in plain text for the whole network; give --ssl_config_file for "
            "gRPC, or --allow_plaintext if a proxy in front of the server encrypts"
        )


def batching(options: ServerOptions) -> Batching | None:
    """Return the parameters of batching, or None without --enable_batching."""
    file = options.batching_parameters_file
    if not options.enable_batching:
        if file:
            raise InputError(f"{file}: --batching_parameters_file needs --enable_batching")
        return None
    default = Batching(num_batch_threads=options.max_concurrency)
    return read_batching(file, default) if file else default


def credentials(options: ServerOptions) -> grpc.ServerCredentials | None:
    """Return key and certificates for TLS, or None for plain text."""
    if options.ssl_config_file is None:
        return None
    given = read_config(options.ssl_config_file, SSLConfig)
    if not (given.server_key and given.server_cert):
        raise InputError(f"{options.ssl_config_file}: server_key and server_cert must hold PEM text")
    if given.client_verify and not given.custom_ca:
        raise InputError(f"{options.ssl_config_file}: client_verify needs custom_ca")
    _check_certificates(options.ssl_config_file, given)
    return grpc.ssl_server_credentials(
        [(given.server_key.encode(), given.server_cert.encode())],
        root_certificates=given.custom_ca.encode() or None,
        require_client_auth=given.client_verify,
    )


def _check_certificates(file: Path, given: SSLConfig) -> None:
    """Raise `InputError` for what gRPC would call an address at which it cannot listen."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # what is strong enough is for gRPC to say
    with tempfile.TemporaryDirectory() as folder:
        pair, authority = Path(folder) / "pair.pem", Path(folder) / "ca.pem"
        pair.touch(0o600)
        pair.write_text(f"{given.server_key}\n{given.server_cert}", encoding="utf-8")
        authority.write_text(given.custom_ca, encoding="utf-8")
        try:
            what = "server_key and server_cert are no pair"
            context.load_cert_chain(pair, password="")  # otherwise it would ask on the terminal
            if given.custom_ca:
                what = "custom_ca holds no certificate"
                context.load_verify_locations(authority)
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise InputError(f"{file}: {what} in PEM ({reason})") from error


def grpc_options(options: ServerOptions) -> list[tuple[str, int | str]]:
    """Return the arguments of the gRPC server; those of --grpc_channel_arguments come last and win."""
    found: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        # Otherwise two servers can share a port, and each receives some of the requests.
        ("grpc.so_reuseport", 0),
        # Pings keep idle connections open in the network, and detect those that the network has dropped.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),  # no limit
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),  # for pings of clients
    ]
    for argument in filter(None, options.grpc_channel_arguments.split(",")):
        name, equals, value = argument.partition("=")
        if not (name and equals):
            raise InputError(f"--grpc_channel_arguments: {argument!r} is not of the form NAME=VALUE")
        found.append((name, int(value) if value.removeprefix("-").isdecimal() else value))
    return found


def model_config(options: ServerOptions, models: Path | None) -> ModelServerConfig | None:
    """Return the configuration of the models, or None for all models of a folder."""
    given = [name for name in ("model_config_file", "model_base_path") if getattr(options, name)]
    if models is not None and options.model_base_path:
        raise InputError(f"{models} and --model_base_path are mutually exclusive")
    if len(given) > 1:
        raise InputError("--model_base_path and --model_config_file are mutually exclusive")
    if options.model_name != ServerOptions.model_name and not options.model_base_path:
        raise InputError(f"--model_name {options.model_name}: needs --model_base_path, whose model it names")
    if models is None and not given:
        raise InputError("give a folder of models, --model_base_path or --model_config_file")
    if options.model_config_file:
        return read_config(options.model_config_file, ModelServerConfig)
    if options.model_base_path:
        if not options.model_base_path.is_dir():
            raise InputError(f"{options.model_base_path}: no such folder")
        return one_model(options.model_name, options.model_base_path)
    return None


def rest_options(options: ServerOptions) -> RestOptions:
    """Return the settings of the REST API."""
    return RestOptions(
        timeout=options.rest_api_timeout_in_ms / 1000,
        threads=options.rest_api_num_threads,
        metrics_path=_metrics_path(options.monitoring_config_file),
        cors=options.rest_api_enable_cors_support,
        npz=options.rest_api_enable_npz,
    )


def as_input_error(options: ServerOptions, error: ServingError) -> InputError:
    """Return the `InputError` for an error in the configuration of the models; it names the file."""
    return InputError(f"{options.model_config_file or options.model_base_path}: {error.message}")


def _metrics_path(file: Path | None) -> str | None:
    if file is None:
        return None
    given = read_config(file, MonitoringConfig).prometheus_config
    return (given.path or METRICS_PATH) if given.enable else None
