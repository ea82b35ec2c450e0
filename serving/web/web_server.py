"""Serves the page on loopback, isolated from other origins.

Two headers make the page cross-origin isolated; only then do browsers let WebAssembly use several threads.
The content security policy keeps the page from connecting to anything but this server: that nothing leaves
the machine is enforced by the browser.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from serving.rest.http_server import HttpServer
from serving.stop_signals import stop_signals

HOST = "127.0.0.1"
#: The same is in index.html, for servers without headers of ours.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; style-src 'self'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # another start may serve another model
}
# The system's table of types may lack them; a browser runs no module of another type.
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
_GRACE = 1.0  # seconds


@contextmanager
def serving_site(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve a folder that `serving.web.web_site.write_site` has written, on 127.0.0.1 alone.

    Args:
        folder: Folder of the page.
        port: Port; 0 for any free one.

    Yields:
        Address of the page.

    Raises:
        InputError: If the port is taken.
    """
    server = HttpServer(web_app(folder), HOST, port, _GRACE)
    try:
        yield f"http://{HOST}:{server.port}/"
    finally:
        server.stop()
        server.wait()


def serve_site(folder: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve a folder as `serving_site` does, until SIGTERM or SIGINT (Ctrl-C).

    Args:
        folder: Folder of the page.
        port: Port; 0 for any free one.
        ready: Function that is called with the address when the page is served.

    Raises:
        InputError: If the port is taken.
    """
    with stop_signals() as signals, serving_site(folder, port) as address:
        ready(address)
        signals.get()


def web_app(folder: Path) -> Starlette:
    """Return an ASGI application that delivers a folder with the headers of the page."""
    app = Starlette(middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])])
    app.mount("/", _IsolatedFiles(directory=folder, html=True))
    return app


class _IsolatedFiles(StaticFiles):
    def file_response(self, full_path, *arguments, **options) -> Response:
        response = super().file_response(full_path, *arguments, **options)
        response.headers.update(_HEADERS)
        if kind := _TYPES.get(Path(full_path).suffix):
            response.headers["Content-Type"] = kind
        return response
