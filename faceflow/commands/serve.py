"""`faceflow serve`."""

from pathlib import Path

from faceflow.arguments import Folder
from faceflow.console import say


def serve(
    models: Folder,
    port: int = 8500,
    host: str = "127.0.0.1",
    rest_api_port: int = 0,
    rest_api_timeout_in_ms: int = 30_000,
    model_config_file: Path | None = None,
    model_config_file_poll_wait_seconds: float = 0,
    file_system_poll_wait_seconds: float = 0.1,
    enable_batching: bool = False,
    batching_parameters_file: Path | None = None,
    ssl_config_file: Path | None = None,
    monitoring_config_file: Path | None = None,
    allow_plaintext: bool = False,
) -> None:
    """Serve exported models as TensorFlow Serving does, over gRPC and REST. Ctrl-C or SIGTERM ends it.

    Options are named like Serving's, and read the same files.

    Args:
        models: folder of the served models, as `faceflow export` fills it.
        port: for gRPC.
        host: address to listen on; only this machine by default.
        rest_api_port: for REST and metrics; none of either by default.
        rest_api_timeout_in_ms: how long a REST request may take.
        model_config_file: models, versions and labels to serve; by default all models, latest versions.
        model_config_file_poll_wait_seconds: how often to read that file again; 0 for never.
        file_system_poll_wait_seconds: how often to look for new versions; 0 for never.
        enable_batching: join requests that arrive together.
        batching_parameters_file: how; Serving's BatchingParameters.
        ssl_config_file: key and certificates for gRPC over TLS; Serving's SSLConfig.
        monitoring_config_file: where metrics are shown; Serving's MonitoringConfig.
        allow_plaintext: listen without TLS on an address that other machines can reach.
    """
    from serving.server import serve as run_server
    from serving.server_options import ServerOptions

    options = ServerOptions(
        rest_api_port=rest_api_port or None,
        rest_api_timeout_in_ms=rest_api_timeout_in_ms,
        model_config_file=model_config_file,
        model_config_file_poll_wait_seconds=model_config_file_poll_wait_seconds,
        file_system_poll_wait_seconds=file_system_poll_wait_seconds,
        enable_batching=enable_batching,
        batching_parameters_file=batching_parameters_file,
        ssl_config_file=ssl_config_file,
        monitoring_config_file=monitoring_config_file,
        allow_plaintext=allow_plaintext,
    )
    run_server(
        models,
        host=host,
        port=port,
        options=options,
        ready=lambda server: say(f"serving {models} on {server.address}"),
    )
