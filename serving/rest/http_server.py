"""An ASGI application served over HTTP from a thread."""

import threading

import uvicorn
from starlette.applications import Starlette

from serving.protocol.addresses import bound_socket

_CONNECTIONS = 1000  # a further one gets 503


class HttpServer:
    """Serves until it is stopped.

    Args:
        app: the application.
        host: address to listen on.
        port: 0 for any free one.
        grace: seconds that requests in progress have to end when it stops.

    Attributes:
        port: the port it listens on.

    Raises:
        InputError: if the port is taken.
    """

    def __init__(self, app: Starlette, host: str, port: int, grace: float) -> None:
        self._socket = bound_socket(host, port)
        self._socket.listen()  # from now on connections wait, until the thread below takes them
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=int(grace),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Refuse new connections; requests in progress may end."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Wait until it has stopped."""
        self._thread.join()
