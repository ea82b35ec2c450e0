"""The REST API of TensorFlow Serving: `/v1/models/NAME[/versions/N|/labels/L][:METHOD|/metadata]`.

Paths and answers are Serving's (model_servers/http_rest_api_handler.cc, http_rest_api_util.cc).
"""

import re
import time
from urllib.parse import unquote

import grpc
import orjson
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.grpc.model_service import model_status
from serving.protocol.serving_error import Refusal, invalid_argument
from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)
from serving.protocol.tensors import to_array, write
from serving.rest import json_bodies
from serving.runtime.data_plane import Inference
from serving.runtime.execution import Waiting
from serving.runtime.metrics import Metrics
from serving.runtime.predict import DEFAULT_SIGNATURE
from serving.runtime.request_context import REQUEST_ID, Answering, request_id

#: Bytes of one request. As text, numbers take several times the room that they have in a tensor.
MAX_BODY = 64 * 2**20

_VERSION = r"(?:/versions/(\d+)|/labels/([^/:]+))?"
_PREDICTION = re.compile(rf"/v1/models/([^/:]+){_VERSION}:(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(rf"/v1/models(?:/([^/:]+))?{_VERSION}(?:/(metadata))?", re.IGNORECASE)

_Code = grpc.StatusCode
_HTTP_STATUS = {
    _Code.OK: 200,
    _Code.CANCELLED: 499,
    _Code.INVALID_ARGUMENT: 400,
    _Code.DEADLINE_EXCEEDED: 504,
    _Code.NOT_FOUND: 404,
    _Code.ALREADY_EXISTS: 409,
    _Code.PERMISSION_DENIED: 403,
    _Code.RESOURCE_EXHAUSTED: 429,
    _Code.FAILED_PRECONDITION: 400,
    _Code.ABORTED: 409,
    _Code.OUT_OF_RANGE: 400,
    _Code.UNIMPLEMENTED: 501,
    _Code.UNAVAILABLE: 503,
    _Code.UNAUTHENTICATED: 401,
}


def rest_app(
    inference: Inference,
    answering: Answering,
    metrics: Metrics,
    metrics_path: str | None,
    timeout: float,
) -> Starlette:
    """Return the ASGI application.

    Args:
        inference: gives the answers.
        answering: how requests are noted.
        metrics: shown under `metrics_path`.
        metrics_path: where to show them; None for nowhere.
        timeout: seconds that a request may take.
    """

    async def models(request: Request) -> Response:
        name = request_id(request.headers.get(REQUEST_ID))
        path = request.scope["raw_path"].decode("ascii", "replace")
        if not path.lower().startswith("/v1/"):
            return Response("Not Found", 404)
        try:
            body = await _body(request)
            content = await run_in_threadpool(answer, request.method, path, body, name)
            status = 200
        except Refusal as refusal:
            content = orjson.dumps({"error": refusal.message})
            status = _HTTP_STATUS.get(refusal.code, 500)
        return Response(content, status, {REQUEST_ID: name}, "application/json")

    def answer(method: str, path: str, body: bytes, name: str) -> bytes:
        prediction = _PREDICTION.fullmatch(path) if method == "POST" else None
        status = _STATUS.fullmatch(path) if method == "GET" else None
        match = prediction or status
        api = match[4].lower().capitalize() if match and match[4] else "Status"
        model = unquote(match[1] or "") if match else ""
        with answering.noted(api, "REST", model, name):
            if not match:
                raise invalid_argument(f"Malformed request: {method} {path}")
            spec = _spec(model, match[2], match[3])
            if prediction:
                deadline = time.monotonic() + timeout
                waiting = Waiting(remaining=lambda: deadline - time.monotonic())
                return _METHODS[api](inference, spec, json_bodies.parse(body), waiting)
            if not model:
                raise invalid_argument("Missing model name in request.")
            return (_metadata if match[4] else _status)(inference, spec)

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.page(), media_type="text/plain")

    routes = [Route(metrics_path, show_metrics, methods=["GET"])] if metrics_path else []
    return Starlette(routes=[*routes, Route("/{path:path}", models, methods=["GET", "POST"])])


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise Refusal(_Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({MAX_BODY} bytes)")
        parts.append(part)
    return b"".join(parts)


def _spec(model: str, version: str | None, label: str | None) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=model)
    if version is not None:
        if int(version) >= 2**63:
            raise invalid_argument(f"Failed to convert version: {version} to numeric.")
        spec.version.value = int(version)
    elif label is not None:
        spec.version_label = unquote(label)
    return spec


def _predict(inference: Inference, spec: model_pb2.ModelSpec, document: dict, waiting: Waiting) -> bytes:
    spec.signature_name = json_bodies.signature_name(document)
    signatures, name = inference.models.find(spec).signatures, spec.signature_name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
    request = predict_pb2.PredictRequest(model_spec=spec)
    for key, array in json_bodies.tensors(document, signatures[name].inputs).items():
        write(array, request.inputs[key])
    response = inference.predict(request, waiting)
    outputs = {key: to_array(tensor) for key, tensor in response.outputs.items()}
    return json_bodies.predictions(outputs, json_bodies.is_by_row(document))


def _classify(inference: Inference, spec: model_pb2.ModelSpec, document: dict, waiting: Waiting) -> bytes:
    spec.signature_name = json_bodies.signature_name(document)
    request = classification_pb2.ClassificationRequest(model_spec=spec, input=json_bodies.examples(document))
    return json_bodies.classifications(inference.classify(request, waiting).result)


def _regress(inference: Inference, spec: model_pb2.ModelSpec, document: dict, waiting: Waiting) -> bytes:
    spec.signature_name = json_bodies.signature_name(document)
    request = regression_pb2.RegressionRequest(model_spec=spec, input=json_bodies.examples(document))
    return json_bodies.regressions(inference.regress(request, waiting).result)


_METHODS = {"Predict": _predict, "Classify": _classify, "Regress": _regress}


def _status(inference: Inference, spec: model_pb2.ModelSpec) -> bytes:
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    return _indented(_as_dict(model_status(inference.models, request)))


def _metadata(inference: Inference, spec: model_pb2.ModelSpec) -> bytes:
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=["signature_def"]
    )
    response = inference.metadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return _indented(
        {"model_spec": _as_dict(response.model_spec), "metadata": {"signature_def": _as_dict(signatures)}}
    )


def _as_dict(message) -> dict:
    return MessageToDict(message, including_default_value_fields=True, preserving_proto_field_name=True)


def _indented(document: dict) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
