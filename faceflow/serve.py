"""`faceflow serve`."""

from faceflow.arguments import Folder
from faceflow.console import say


def serve(models: Folder, port: int = 8500, host: str = "127.0.0.1") -> None:
    """Serve exported models over gRPC, speaking tensorflow.serving.PredictionService. Ctrl-C ends it.

    Args:
        models: folder of the served models, as `faceflow export` fills it.
        port: to listen on.
        host: address to listen on; only this machine by default.
    """
    from serving.server import serve as run_server

    run_server(
        models, host=host, port=port, ready=lambda server: say(f"serving {models} on {server.address}")
    )
