"""Request ids, log and metrics of the REST API."""

import re

import grpc
import numpy as np
import pytest

from serving.protocol.stubs import model_pb2, predict_pb2
from serving.protocol.tensors import to_proto


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
