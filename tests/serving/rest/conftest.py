"""Requests to the REST API of the server of a session."""

import json
from http.client import HTTPConnection

import pytest


@pytest.fixture(scope="module")
def rest(server):
    """A function that sends a request and returns status, body and headers of the response."""
    connection = HTTPConnection(server.rest_address, timeout=60)

    def ask(method, path, body=None, **headers):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers

    yield ask
    connection.close()


@pytest.fixture(scope="module")
def answer(rest):
    """A function that sends a request and returns the JSON of a good response."""

    def answered(*request):
        status, body, headers = rest(*request)
        assert (status, headers["content-type"]) == (200, "application/json"), body
        return json.loads(body)

    return answered


@pytest.fixture(scope="module")
def rest_error(rest):
    """A function that sends a request and returns status and message of the error."""

    def failed(*request):
        status, body, _ = rest(*request)
        return status, json.loads(body)["error"]

    return failed
