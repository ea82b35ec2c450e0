"""Paths, methods, headers and settings of the REST API, asked as curl would."""

import gzip
import io
import json
from http.client import HTTPConnection

import numpy as np
import pytest

from serving.server import Server
from serving.server_options import ServerOptions


def test_status(answer):
    expected = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/toy", "/v1/models/toy/versions/1", "/V1/Models/toy"):
        assert answer("GET", path) == {"model_version_status": [expected]}


def test_metadata(answer):
    found = answer("GET", "/v1/models/toy/metadata")
    assert found["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    x = signature["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert x["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert signature["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/models/m", 404, "Could not find any versions of model m"),
        ("GET", "/v1/models/toy/versions/7", 404, "Could not find version 7 of model toy"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/toy:predict", 400, "Malformed request: GET /v1/models/toy:predict"),
        ("POST", "/v1/models/toy", 400, "Malformed request: POST /v1/models/toy"),
        ("POST", "/v1/models/../toy:x", 400, "Malformed request: POST /v1/models/../toy:x"),
        ("GET", "/v1/models/m/metadata", 404, "Servable not found for request: Latest(m)"),
        ("GET", f"/v1/models/toy/versions/{2**63}", 400, f"Failed to convert version: {2**63} to numeric."),
    ],
)
def test_refused_by_path(rest_error, method, path, status, message):
    assert rest_error(method, path) == (status, message)


def test_unknown_model_version_and_label(rest_error):
    body = {"instances": [1.0]}
    for name, status, message in (
        ("m", 404, "Servable not found for request: Latest(m)"),
        ("..%2Ftoy", 404, "Servable not found for request: Latest(../toy)"),
        ("toy/versions/7", 404, "Servable not found for request: Specific(toy, 7)"),
        ("toy/labels/x", 400, "Unrecognized servable version label: x"),
    ):
        assert rest_error("POST", f"/v1/models/{name}:predict", body) == (status, message)


def test_other_paths_are_not_there(rest):
    assert rest("GET", "/etc/passwd")[0] == 404


def test_body_over_the_limit(rest_error, monkeypatch):
    monkeypatch.setattr("serving.rest.rest_api.MAX_BODY", 1000)
    status, message = rest_error("POST", "/v1/models/toy:predict", {"instances": [1] * 1000})
    assert (status, message) == (429, "Received message larger than max (1000 bytes)")


def test_gzip(rest):
    body = gzip.compress(b'{"instances": [1.0]}')
    status, content, _ = rest(
        "POST",
        "/v1/models/toy:predict",
        body,
        **{"content-encoding": "gzip", "content-length": str(len(body))},
    )
    assert (status, json.loads(content)) == (200, {"predictions": [2.5]})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(rest_error, method):
    message = f"Malformed request: {method} /v1/models/toy"
    assert rest_error(method, "/v1/models/toy") == (400, message)


def test_preflight(rest):
    assert rest("OPTIONS", "/v1/models/toy:predict", None, origin="https://example.org")[0] == 200
    assert rest("OPTIONS", "/v1/models/toy:predict")[0] == 400  # as http_server.cc, without an origin


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000])
def test_version_that_is_too_long(rest_error, digits):
    status, message = rest_error("POST", f"/v1/models/toy/versions/{digits}:predict", {"instances": [1]})
    assert status == 400
    assert message.startswith(f"Failed to convert version: {digits[:900]}")


def test_settings(models, frames):
    """CORS headers and `.npz` responses with their options; without a monitoring file, no metrics."""
    options = ServerOptions(rest_api_port=0, rest_api_enable_cors_support=True, rest_api_enable_npz=True)
    frame1, frame2 = (frame.tolist() for frame in frames((1, 6, 5, 3)))
    body = json.dumps({"inputs": {"frame1": frame1, "frame2": frame2}})
    with Server(models, port=0, options=options) as server:
        connection = HTTPConnection(server.rest_address, timeout=60)
        connection.request("POST", "/v1/models/face_flow:predict", body, {"accept": "application/x-npz"})
        response = connection.getresponse()
        flow = np.load(io.BytesIO(response.read()))["flow"]
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["content-type"] == "application/x-npz"
        connection.request("POST", "/v1/models/face_flow:predict", body)
        np.testing.assert_array_equal(
            flow, np.float32(json.loads(connection.getresponse().read())["outputs"])
        )
        connection.request("GET", "/monitoring/prometheus/metrics")
        assert connection.getresponse().status == 404
        connection.close()
