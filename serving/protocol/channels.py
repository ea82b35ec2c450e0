"""gRPC channels of a client: message sizes, retries, keep-alive pings, TLS and proxies."""

from __future__ import annotations

import json
from pathlib import Path

import grpc

from pipelines.errors import InputError
from serving.protocol.addresses import is_loopback

#: Largest response to accept, bytes. A batch of 8 flows of 256x256 exceeds gRPC's own default of 4 MiB.
MAX_MESSAGE = 256 * 2**20


def open_channel(
    address: str,
    *,
    max_message: int = MAX_MESSAGE,
    retries: int = 0,
    keepalive: float = 20.0,
    root_certificates: Path | str | None = None,
    private_key: Path | str | None = None,
    certificate_chain: Path | str | None = None,
) -> grpc.Channel:
    """Open a channel to a server of TensorFlow Serving's PredictionService.

    The channel connects with the first request. If the network drops the connection without notice,
    keep-alive pings detect this and the channel connects again. A server on this machine is never reached
    through a proxy.

    Args:
        address: `host:port` of the server.
        max_message: Largest response to accept, bytes.
        retries: Number of times a request is repeated while the server is UNAVAILABLE, at most 4.
        keepalive: Seconds without data after which a connection with a request on it is checked by a ping.
        root_certificates: PEM file of the authority that signed the server's certificate; by default those
            that gRPC knows. Any of the three files turns TLS on.
        private_key: PEM file of the client's key, for mutual TLS.
        certificate_chain: PEM file of the client's certificate, for mutual TLS.

    Raises:
        InputError: If a certificate or key cannot be read.

    Examples:
        >>> with open_channel("127.0.0.1:8500") as channel:
        ...     predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    """
    options = [
        ("grpc.max_receive_message_length", max_message),
        ("grpc.max_send_message_length", -1),
        ("grpc.service_config", _service_config(retries)),
        *_connection_options(address, keepalive),
    ]
    files = (root_certificates, private_key, certificate_chain)
    if not any(files):
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*map(_read_pem, files)), options)


def _connection_options(address: str, keepalive: float) -> list[tuple[str, int]]:
    host = address.rpartition(":")[0].strip("[]")
    return [
        # TensorFlow Serving closes a connection after more than two pings in a row without data from the
        # server. No pings are sent without a request, and with the defaults two within a request's timeout.
        ("grpc.http2.max_pings_without_data", 0),  # gRPC's own limit counts pings of other kinds too
        ("grpc.keepalive_time_ms", int(1000 * keepalive)),
        ("grpc.keepalive_timeout_ms", int(1000 * min(keepalive, 5.0))),
        ("grpc.http2.ping_timeout_ms", int(1000 * min(keepalive, 5.0))),  # for a ping that was lost
        # Otherwise a new client shares the dead connection of an old one.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.enable_http_proxy", 0 if is_loopback(host) else 1),
    ]


def _service_config(retries: int) -> str:
    """Return gRPC's own retry policy (gRFC A6): repeat while UNAVAILABLE, with pauses that double."""
    policy = {
        "maxAttempts": 1 + retries,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    method = {"name": [{"service": "tensorflow.serving.PredictionService"}]}
    return json.dumps({"methodConfig": [method | ({"retryPolicy": policy} if retries else {})]})


def _read_pem(path: Path | str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
