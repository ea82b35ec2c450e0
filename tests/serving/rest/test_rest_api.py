"""The REST API, asked as curl would; expected answers are Serving's documented ones, or gRPC's."""

import base64
import gzip
import io
import json
import re
import socket
import threading
import time
from http.client import HTTPConnection

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.protocol.stubs import model_pb2, predict_pb2
from serving.protocol.tensors import to_proto
from serving.server import Server
from serving.server_options import ServerOptions


@pytest.fixture(scope="module")
def rest(server):
    connection = HTTPConnection(server.rest_address, timeout=60)

    def ask(method, path, body=None, **headers):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers

    yield ask
    connection.close()


def answer(rest, *args):
    status, body, headers = rest(*args)
    assert (status, headers["content-type"]) == (200, "application/json"), body
    return json.loads(body)


def refusal(rest, *args):
    status, body, _ = rest(*args)
    return status, json.loads(body)["error"]


# --- answers


def test_rows(rest):
    """The example of Serving's own page on its REST API: half plus two."""
    body = {"instances": [1.0, 2.0, 5.0]}
    assert answer(rest, "POST", "/v1/models/toy:predict", body) == {"predictions": [2.5, 3.0, 4.5]}


def test_columns(rest):
    body = {"signature_name": "serving_default", "inputs": {"x": [1, 2, 5]}}
    assert answer(rest, "POST", "/v1/models/toy/versions/1:predict", body) == {"outputs": [2.5, 3.0, 4.5]}
    assert answer(rest, "POST", "/v1/models/toy:predict", {"inputs": [1]}) == {"outputs": [2.5]}


def test_strings_and_bytes(rest):
    encoded = {"b64": base64.b64encode("grün".encode()).decode()}
    expected = {"same": "grün", "same_bytes": encoded}
    for given_ in ("grün", encoded):
        body = {"signature_name": "echo", "instances": [{"text": given_}]}
        assert answer(rest, "POST", "/v1/models/toy:predict", body) == {"predictions": [expected]}
    body = {"signature_name": "echo", "inputs": [encoded]}
    columns = {"same": ["grün"], "same_bytes": [encoded]}
    assert answer(rest, "POST", "/v1/models/toy:predict", body) == {"outputs": columns}


def test_same_flow_as_over_grpc(rest, client, frames):
    frame1, frame2 = frames((2, 12, 10, 3))
    rows = [{"frame1": a.tolist(), "frame2": b.tolist()} for a, b in zip(frame1, frame2, strict=True)]
    got = answer(rest, "POST", "/v1/models/face_flow:predict", {"instances": rows})["predictions"]
    np.testing.assert_array_equal(np.float32(got), client.flow(frame1, frame2))


def test_numbers_are_as_short_as_they_can_be(rest):
    _, body, _ = rest("POST", "/v1/models/toy:predict", {"instances": [0.2]})
    assert body == b'{"predictions":[2.1]}'  # and not 2.0999999046325684


def test_classify_and_regress(rest):
    body = {"signature_name": "classify", "examples": [{"x": [1.0, 2.5]}]}
    expected = [[["negative", 1.0], ["positive", 2.5], ["surprise", 3.5]]]
    assert answer(rest, "POST", "/v1/models/toy:classify", body) == {"results": expected}
    body = {"signature_name": "regress", "context": {"x": [8.0, 0.0]}, "examples": [{}, {"x": [2.0, 0.0]}]}
    assert answer(rest, "POST", "/v1/models/toy:regress", body) == {"results": [6.0, 3.0]}


def test_status(rest):
    expected = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/toy", "/v1/models/toy/versions/1", "/V1/Models/toy"):
        assert answer(rest, "GET", path) == {"model_version_status": [expected]}


def test_metadata(rest):
    found = answer(rest, "GET", "/v1/models/toy/metadata")
    assert found["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    x = signature["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert x["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert signature["method_name"] == "tensorflow/serving/predict"


# --- refusals


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
def test_refused_by_path(rest, method, path, status, message):
    assert refusal(rest, method, path) == (status, message)


def test_unknown_model_version_and_label(rest):
    body = {"instances": [1.0]}
    for name, status, message in (
        ("m", 404, "Servable not found for request: Latest(m)"),
        ("..%2Ftoy", 404, "Servable not found for request: Latest(../toy)"),
        ("toy/versions/7", 404, "Servable not found for request: Specific(toy, 7)"),
        ("toy/labels/x", 400, "Unrecognized servable version label: x"),
    ):
        assert refusal(rest, "POST", f"/v1/models/{name}:predict", body) == (status, message)


def test_other_paths_are_not_there(rest):
    assert rest("GET", "/etc/passwd")[0] == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error: "),
        (b"[1]", "JSON Value: [1] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"inputs": 1, "instances": [1]}, "expecting only one of 'inputs' or 'instances' keys to exist"),
        ({"instances": 1}, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"signature_name": 1, "inputs": [1]}, "'signature_name' key must be a string value."),
        ({"signature_name": "x", "inputs": [1]}, 'Serving signature name: "x" not found in signature def'),
        (
            {"instances": [{"z": 1}]},
            "Failed to process element: 0 key: z of 'instances' list. "
            "Error: INVALID_ARGUMENT: JSON object: does not have named input: z",
        ),
        ({"instances": [{}]}, "JSON object: {} keys must be equal to: x"),
        ({"instances": [{"x": 1}, 1]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": [1, {"x": 1}]}, "Expecting value/list but got object at item 1 of input list"),
        (
            {"instances": ["1"]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
            'JSON Value: "1" Type: String is not of expected type: float',
        ),
        ({"instances": [1, [2]]}, "Failed to process element: 1 of 'instances' list."),
        ({"inputs": [1, None]}, "JSON Value: null Type: Null is not of expected type: float"),
        ({"inputs": [True]}, "JSON Value: true Type: True is not of expected type: float"),
        ({"inputs": {"y": [1]}}, "Missing named input: x in 'inputs' object."),
        ({"inputs": [[1], [2, 3]]}, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", "nested deeper than 32 lists"),
        (b'{"inputs": ' + b"[" * 100_000, "JSON Parse error"),
        ({"signature_name": "echo", "inputs": [{"b64": "!"}]}, "Unable to base64 decode"),
        ({"signature_name": "echo", "inputs": [{"c": ""}]}, "not formatted correctly for base64 data"),
        ({"signature_name": "echo", "inputs": [1]}, "is not of expected type: string"),
    ],
)
def test_refused_predict(rest, body, message):
    status, said = refusal(rest, "POST", "/v1/models/toy:predict", body)
    assert status == 400
    assert message in said
    assert len(said) < 1100
    assert answer(rest, "POST", "/v1/models/toy:predict", {"instances": [1]}) == {"predictions": [2.5]}


@pytest.mark.parametrize(
    ("value", "said"), [(256, "no uint8"), (-1, "no uint8"), (0.5, "Type: Number is not")]
)
def test_numbers_that_are_no_bytes(rest, frames, value, said):
    frame = frames((1, 4, 4, 3))[0].tolist()
    frame[0][0][0][0] = value
    body = {"inputs": {"frame1": frame, "frame2": frame}}
    status, message = refusal(rest, "POST", "/v1/models/face_flow:predict", body)
    assert status == 400
    assert said in message


@pytest.mark.parametrize("value", [256, -1, 1.5, None, "x", True])
@pytest.mark.parametrize("count", [1, 3])
def test_one_wrong_number_in_long_rows(rest, frames, value, count):
    rows = [{"frame1": frame.tolist(), "frame2": frame.tolist()} for frame in frames((count, 20, 20, 3))[0]]
    rows[-1]["frame2"][7][8][1] = value
    status, message = refusal(rest, "POST", "/v1/models/face_flow:predict", {"instances": rows})
    assert status == 400
    assert message.startswith(f"Failed to process element: {count - 1} key: frame2 of 'instances' list. ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": [1, None]}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [1, "a"]}]}, "Unexpected element type in feature: x expecting type: int64"),
        ({"examples": [{"x": [2**63]}]}, "Only int64_t is supported"),
    ],
)
def test_refused_classify(rest, body, message):
    body = {"signature_name": "classify"} | body
    status, said = refusal(rest, "POST", "/v1/models/toy:classify", body)
    assert status == 400
    assert message in said


def test_body_over_the_limit(rest, monkeypatch):
    monkeypatch.setattr("serving.rest.rest_api.MAX_BODY", 1000)
    status, message = refusal(rest, "POST", "/v1/models/toy:predict", {"instances": [1] * 1000})
    assert (status, message) == (429, "Received message larger than max (1000 bytes)")


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "b64"]), inner),
        max_leaves=8,
    ),
    st.sampled_from(["instances", "inputs", "examples"]),
)
def test_whatever_is_sent_gets_an_answer(rest, value, key):
    method = "classify" if key == "examples" else "predict"
    signature = "classify" if key == "examples" else "serving_default"
    status, body, _ = rest("POST", f"/v1/models/toy:{method}", {key: value, "signature_name": signature})
    assert status in (200, 400), body
    json.loads(body)


# --- what goes with them


def test_request_id_comes_back(rest, caller):
    _, _, headers = rest("GET", "/v1/models/toy")
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    connection_id = {"x-request-id": "mine-1"}
    assert rest("GET", "/v1/models/toy", None, **connection_id)[2]["x-request-id"] == "mine-1"
    hostile = {"x-request-id": "a" * 100}
    assert re.fullmatch(r"[0-9a-f]{32}", rest("GET", "/v1/models/toy", None, **hostile)[2]["x-request-id"])
    _, call = caller.stub.Predict.with_call(caller.good_request(), metadata=[("x-request-id", "mine-2")])
    assert ("x-request-id", "mine-2") in call.trailing_metadata()


def test_requests_are_logged_with_their_id(rest, caplog):
    caplog.set_level("INFO", "serving")
    rest("POST", "/v1/models/toy:predict", {"instances": []}, **{"x-request-id": "wrong-one"})
    (record,) = [r for r in caplog.records if getattr(r, "fields", {}).get("request_id") == "wrong-one"]
    assert record.fields["status"] == "INVALID_ARGUMENT"
    assert (record.fields["api"], record.fields["entrypoint"]) == ("Predict", "REST")
    assert "No values in 'instances' array" in record.getMessage()


def test_metrics_under_servings_names(rest, caller):
    def value(line):
        page = rest("GET", "/monitoring/prometheus/metrics")[1].decode()
        found = re.search(rf"^{re.escape(line)} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    ok = ':tensorflow:serving:request_count{model_name="toy",status="OK"}'
    latency = ':tensorflow:serving:request_latency_count{API="Predict",entrypoint="GRPC",model_name="toy"}'
    runtime = ':tensorflow:serving:runtime_latency_count{API="Predict",model_name="toy",runtime="TF2"}'
    unknown = ':tensorflow:serving:request_count{model_name="",status="NOT_FOUND"}'
    before = [value(line) for line in (ok, latency, runtime, unknown)]
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="toy"))
    request.inputs["x"].CopyFrom(to_proto(np.float32([1])))
    caller.stub.Predict(request)
    request.model_spec.name = "somebody's invention"
    with pytest.raises(grpc.RpcError):
        caller.stub.Predict(request)
    assert [value(line) for line in (ok, latency, runtime, unknown)] == [count + 1 for count in before]
    page = rest("GET", "/monitoring/prometheus/metrics")[1].decode()
    assert "# TYPE :tensorflow:serving:request_count counter" in page
    assert 'request_latency_bucket{API="Predict",entrypoint="GRPC",le="18.0",model_name="toy"}' in page
    assert "invention" not in page


# --- as Serving, where most servers are otherwise


def test_gzip(rest):
    body = gzip.compress(b'{"instances": [1.0]}')
    status, content, _ = rest(
        "POST",
        "/v1/models/toy:predict",
        body,
        **{"content-encoding": "gzip", "content-length": str(len(body))},
    )
    assert (status, json.loads(content)) == (200, {"predictions": [2.5]})


def test_nan_and_infinity(rest):
    body = b'{"instances": [NaN, Infinity, -Infinity]}'
    assert rest("POST", "/v1/models/toy:predict", body)[1] == b'{"predictions":[NaN,Infinity,-Infinity]}'


def test_a_model_may_reject_nan(rest):
    frame = np.zeros((1, 4, 4, 3)).tolist()
    wrong = json.dumps({"signature_name": "serving_float32", "inputs": {"frame1": frame, "frame2": frame}})
    wrong = wrong.replace("0.0", "NaN", 1).encode()
    status, message = refusal(rest, "POST", "/v1/models/face_flow:predict", wrong)
    assert (status, message) == (400, "input frame1 holds a value that is NaN or infinite")


def test_strings_that_are_not_utf8(rest):
    body = b'{"signature_name": "echo", "inputs": ["a\xff"]}'
    expected = b'{"outputs":{"same":["a\xff"],"same_bytes":[{"b64":"Yf8="}]}}'
    assert rest("POST", "/v1/models/toy:predict", body)[1] == expected


def test_mark_repeated_key_and_more_behind(rest):
    body = b'\xef\xbb\xbf{"instances": [1.0], "instances": [7.0]} ;'
    assert answer(rest, "POST", "/v1/models/toy:predict", body) == {"predictions": [2.5]}


def test_a_rank_that_is_not_declared_is_computed(rest):
    assert answer(rest, "POST", "/v1/models/toy:predict", {"inputs": 2.0}) == {"outputs": 3.0}
    assert answer(rest, "POST", "/v1/models/toy:predict", {"inputs": [[1, 2]]}) == {"outputs": [[2.5, 3.0]]}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(rest, method):
    message = f"Malformed request: {method} /v1/models/toy"
    assert refusal(rest, method, "/v1/models/toy") == (400, message)


def test_preflight(rest):
    assert rest("OPTIONS", "/v1/models/toy:predict", None, origin="https://example.org")[0] == 200
    assert rest("OPTIONS", "/v1/models/toy:predict")[0] == 400  # as http_server.cc, without an origin


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000])
def test_version_that_is_too_long(rest, digits):
    status, message = refusal(rest, "POST", f"/v1/models/toy/versions/{digits}:predict", {"instances": [1]})
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
        (model,) = [model for model in server.models if model.name == "toy"]
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
