"""Connections that send nothing, half a request, or too little at a time; bounds are on counts."""

import contextlib
import socket
import time

import pytest
from starlette.responses import Response

from serving.rest.http_server import HttpServer

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def served():
    """A function that serves `ok` with limits and returns the server."""

    async def app(scope, receive, send):
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        await Response("ok")(scope, receive, send)

    with contextlib.ExitStack() as stack:

        def serve(idle_timeout, max_connections=4096):
            server = HttpServer(app, "127.0.0.1", 0, grace=1, idle_timeout=idle_timeout)
            server.limits.max_connections = max_connections
            stack.callback(lambda: (server.stop(), server.wait()))
            return server

        yield serve


@pytest.fixture
def connect():
    with contextlib.ExitStack() as stack:

        def made(server, data=b""):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            connection.sendall(data)
            return connection

        yield made


def answer(connection):
    connection.sendall(REQUEST)
    return connection.recv(65536)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", REQUEST],
    ids=["nothing", "half a head", "half a body", "kept alive"],
)
def test_silent_connections_are_closed(served, connect, sent):
    server = served(idle_timeout=0.3)
    silent = [connect(server, sent) for _ in range(20)]
    closed = 0
    for connection in silent:
        while connection.recv(65536):  # until the end of the stream, which comes by itself
            pass
        closed += 1
    assert closed == 20
    assert not server.limits.waiting


def test_a_head_that_trickles_is_cut_off(served, connect):
    connection = connect(served(idle_timeout=0.5))
    with pytest.raises(OSError):
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)


def test_a_body_may_take_longer_than_the_timeout(served, connect):
    connection = connect(served(idle_timeout=1.0), b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
    for _ in range(8):
        time.sleep(0.25)
        connection.sendall(b"x")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_idle_connections_make_room(served, connect):
    server = served(idle_timeout=60, max_connections=10)
    idle = [connect(server) for _ in range(50)]
    assert answer(connect(server)).startswith(b"HTTP/1.1 200")
    assert len(server.limits.waiting) <= 10
    assert answer(idle[-1]).startswith(b"HTTP/1.1 200")  # the youngest are still there


def test_more_requests_than_connections_are_told(served, connect):
    """Every connection is at work, so that none can make room."""
    server = served(idle_timeout=60, max_connections=3)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    working = [connect(server, head) for _ in range(3)]
    while len(server.limits.waiting) < 3:
        time.sleep(0.01)
    waiting = dict(server.limits.waiting)
    server.limits.waiting.clear()
    refused = connect(server).recv(65536)
    assert refused.startswith(b"HTTP/1.1 503")
    assert b"has 3 open connections and takes no more; close idle ones" in refused
    server.limits.waiting.update(waiting)
    for connection in working:
        connection.sendall(b"x")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_slow_client_gets_all_of_a_response():
    """It reads for three times as long as the timeout."""
    size = 24 * 2**20

    async def app(scope, receive, send):
        await receive()
        await Response(b"x" * size)(scope, receive, send)

    server = HttpServer(app, "127.0.0.1", 0, grace=1, idle_timeout=0.5)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: (server.stop(), server.wait()))
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        connection.sendall(REQUEST)
        received, begin = 0, time.monotonic()
        while part := connection.recv(2**20):
            received += len(part)
            slow = time.monotonic() - begin < 1.5
            time.sleep(0.1 if slow else 0)
            if received > size:
                break
    assert received > size


def test_clients_that_do_not_read_are_cut_off():
    """A response larger than the buffers of the system waits in the server's memory."""

    async def app(scope, receive, send):
        await receive()
        await Response(b"x" * 32 * 2**20)(scope, receive, send)

    server = HttpServer(app, "127.0.0.1", 0, grace=1, idle_timeout=0.3)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: (server.stop(), server.wait()))
        for _ in range(3):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            connection.sendall(REQUEST)
        deadline = time.monotonic() + 20
        while len(server._server.server_state.connections) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        while server._server.server_state.connections and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not server._server.server_state.connections
