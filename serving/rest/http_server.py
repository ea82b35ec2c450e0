"""An HTTP server for an ASGI application, in a thread of its own."""

import resource
import threading

import uvicorn
from starlette.types import ASGIApp

from serving.protocol.addresses import listening_sockets
from serving.rest.http_connections import HttpConnection, Limits

#: Seconds after which a connection that sends nothing is closed, as in TensorFlow Serving's HTTP server
#: (libevent's HTTP_READ_TIMEOUT).
IDLE_TIMEOUT = 50.0

_MAX_CONNECTIONS = 4096
_RESERVED_FILES = 256  # for models, gRPC and logs


class HttpServer:
    """HTTP server that runs from its creation until `stop` is called.

    Args:
        app: ASGI application.
        host: Address to listen on; of a name, all its addresses.
        port: Port to listen on; 0 for any free one.
        grace: Seconds for requests in progress to finish when the server stops.
        idle_timeout: Seconds after which a connection that sends nothing is closed.

    Attributes:
        port: Port that the server listens on.
        limits: Limits and open connections.

    Raises:
        InputError: If the port is taken.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int, grace: float, idle_timeout: float = IDLE_TIMEOUT
    ) -> None:
        sockets = listening_sockets(host, port)
        self.port: int = sockets[0].getsockname()[1]
        self.limits = Limits(_max_connections(), idle_timeout)
        config = uvicorn.Config(
            app,
            http=type("Connection", (HttpConnection,), {"limits": self.limits}),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=idle_timeout,
            timeout_graceful_shutdown=grace,  # a float, too: it goes to asyncio.wait_for
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": sockets}, name="http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Reject new connections; requests in progress may finish."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Wait until the server has stopped."""
        self._thread.join()


def _max_connections() -> int:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, min(_MAX_CONNECTIONS, files - _RESERVED_FILES))
