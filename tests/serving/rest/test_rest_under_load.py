"""The REST API while clients leave and threads are busy."""

import json
import socket
import threading
import time
from http.client import HTTPConnection

from serving.server import Server
from serving.server_options import ServerOptions


def toy(server):
    (model,) = [model for model in server.models if model.name == "toy"]
    return model


def test_a_client_that_leaves_in_the_middle_of_its_body(rest, server, caplog):
    caplog.set_level("INFO")
    with socket.create_connection(server.rest_address.split(":")) as connection:
        connection.sendall(b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
    deadline = time.monotonic() + 30
    while "disconnected" not in caplog.text and time.monotonic() < deadline:
        rest("GET", "/v1/models/toy")
    (record,) = [record for record in caplog.records if "disconnected" in record.getMessage()]
    assert record.exc_info is None
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_probe_does_not_wait_for_predictions(models):
    """All threads for predictions are held; status and metrics have others."""
    options = ServerOptions(rest_api_port=0, rest_api_num_threads=2)
    entered, release = threading.Semaphore(0), threading.Event()
    with Server(models, port=0, options=options) as server:
        model = toy(server)
        run = model.run

        def held(*args):
            entered.release()
            release.wait(30)
            return run(*args)

        model.run = held
        connections = [HTTPConnection(server.rest_address, timeout=60) for _ in range(6)]
        try:
            for connection in connections[:-1]:
                connection.request("POST", "/v1/models/toy:predict", b'{"instances": [1]}')
            assert entered.acquire(timeout=30)
            connections[-1].request("GET", "/v1/models/toy")
            assert connections[-1].getresponse().status == 200
            assert not release.is_set()
        finally:
            release.set()
        assert [connection.getresponse().status for connection in connections[:-1]] == [200] * 5


def test_what_is_not_ready_when_the_server_stops_is_unavailable(models):
    """Clients and proxies try 503 again, and 500 not; the time to finish may be less than a second."""
    options = ServerOptions(rest_api_port=0, shutdown_grace_seconds=0.5)
    entered, release = threading.Event(), threading.Event()
    with Server(models, port=0, options=options) as server:
        model = toy(server)

        def held(*args):
            entered.set()
            release.wait(30)

        model.run = held
        connection = HTTPConnection(server.rest_address, timeout=60)
        try:
            connection.request("POST", "/v1/models/toy:predict", b'{"instances": [1]}')
            assert entered.wait(30)
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            response = connection.getresponse()
            assert response.status == 503
            assert "The server stopped" in json.loads(response.read())["error"]
        finally:
            release.set()
        stopping.join()


def test_a_time_to_finish_of_less_than_a_second(models):
    options = ServerOptions(rest_api_port=0, shutdown_grace_seconds=0.9)
    entered = threading.Event()
    with Server(models, port=0, options=options) as server:
        model = toy(server)
        run = model.run

        def slow(*args):
            entered.set()
            time.sleep(0.3)
            return run(*args)

        model.run = slow
        connection = HTTPConnection(server.rest_address, timeout=60)
        connection.request("POST", "/v1/models/toy:predict", b'{"instances": [1]}')
        assert entered.wait(30)
        server.stop()
        assert connection.getresponse().status == 200
