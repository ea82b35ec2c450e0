"""The REST API of TensorFlow Serving: `/v1/models/NAME[/versions/N|/labels/L][:METHOD|/metadata]`.

Paths and responses are Serving's (model_servers/http_rest_api_handler.cc, http_rest_api_util.cc,
http_server.cc).
"""

import asyncio
import re
import time
from dataclasses import dataclass
from urllib.parse import unquote

import grpc
import orjson
from anyio import CapacityLimiter, to_thread
from google.protobuf.json_format import MessageToDict
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)
from serving.protocol.tensors import write
from serving.rest import json_bodies
from serving.rest.content_encoding import NPZ, decompressed, npz
from serving.runtime.data_plane import DataPlane
from serving.runtime.execution import Deadline
from serving.runtime.metrics import Metrics
from serving.runtime.model_status import model_status
from serving.runtime.predict import DEFAULT_SIGNATURE
from serving.runtime.request_log import REQUEST_ID, RequestLog, request_id

#: Largest request body, bytes. As text, numbers take several times their size in a tensor.
MAX_BODY = 64 * 2**20

_MAX_VERSION_DIGITS = 20  # more than a number of 63 bits can have
_PROBE_THREADS = 4

_VERSION = r"(?:/versions/(\d+)|/labels/([^/:]+))?"
_PREDICTION = re.compile(rf"/v1/models/([^/:]+){_VERSION}:(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(rf"/v1/models(?:/([^/:]+))?{_VERSION}(?:/(metadata))?", re.IGNORECASE)

_JSON = "application/json"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}

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


@dataclass(frozen=True)
class RestOptions:
    """Settings of the REST API.

    Attributes:
        timeout: Longest time for a request, seconds.
        threads: Number of requests in progress at the same time: running or waiting. Status, metadata and
            metrics have threads of their own, so a busy server still passes a liveness probe.
        metrics_path: Path of the metrics; None for no metrics.
        cors: Send CORS headers with each response.
        npz: Send the outputs of Predict as an `.npz` file to clients that accept one.
    """

    timeout: float = 30.0
    threads: int = 32
    metrics_path: str | None = None
    cors: bool = False
    npz: bool = False


def rest_app(
    data_plane: DataPlane, request_log: RequestLog, metrics: Metrics, options: RestOptions
) -> ASGIApp:
    """Return the REST API as an ASGI application.

    Args:
        data_plane: Data plane that computes the responses.
        request_log: Log that records the requests.
        metrics: Metrics to show under `options.metrics_path`.
        options: Settings of the REST API.
    """
    handler = _Handler(data_plane, request_log, options)
    inference, probes = CapacityLimiter(options.threads), CapacityLimiter(_PROBE_THREADS)

    async def respond(request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii", "replace")
        if options.metrics_path is not None and path == options.metrics_path:
            page = await to_thread.run_sync(metrics.page, limiter=probes)
            return Response(page, media_type="text/plain")
        if not path.lower().startswith("/v1/"):
            return Response("Not Found", 404)
        identifier = request_id(request.headers.get(REQUEST_ID))
        headers = {REQUEST_ID: identifier} | (_CORS if options.cors else {})
        if request.method == "OPTIONS":
            allowed = re.search("https?://", request.headers.get("origin", ""))
            return Response(b"", 200 if allowed else 400, headers)
        try:
            end = time.monotonic() + options.timeout
            body = await _read_body(request)
            call = _Call(request.method, path, body, identifier, dict(request.headers), end)
            limiter = inference if request.method == "POST" else probes
            content, media_type = await to_thread.run_sync(handler.answer, call, limiter=limiter)
            return Response(content, 200, headers, media_type)
        except ServingError as error:
            status = _HTTP_STATUS.get(error.code, 500)
            return Response(orjson.dumps({"error": error.message}), status, headers, _JSON)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await respond(Request(scope, receive))
        except ClientDisconnect:
            request_log.disconnected("REST")
            return
        except asyncio.CancelledError:  # by uvicorn, when the time for requests in progress is over
            request_log.stopped("REST")
            message = "The server stopped before the response was ready."
            response = Response(orjson.dumps({"error": message}), 503, media_type=_JSON)
        await response(scope, receive, send)

    return app


@dataclass(frozen=True)
class _Call:
    method: str
    path: str
    body: bytes
    identifier: str
    headers: dict[str, str]
    end: float  # deadline, by `time.monotonic`


async def _read_body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            message = f"Received message larger than max ({MAX_BODY} bytes)"
            raise ServingError(_Code.RESOURCE_EXHAUSTED, message)
        parts.append(part)
    return b"".join(parts)


class _Handler:
    """Answers requests once their body has arrived; called from several threads."""

    def __init__(self, data_plane: DataPlane, request_log: RequestLog, options: RestOptions) -> None:
        self._data_plane = data_plane
        self._log = request_log
        self._options = options

    def answer(self, call: _Call) -> tuple[bytes, str]:
        """Return the body of the response and its media type."""
        prediction = _PREDICTION.fullmatch(call.path) if call.method == "POST" else None
        status = _STATUS.fullmatch(call.path) if call.method == "GET" else None
        match = prediction or status
        api = match[4].lower().capitalize() if match and match[4] else "Status"
        model = unquote(match[1] or "") if match else ""
        with self._log.record(api, "REST", model, call.identifier):
            if not match:
                raise invalid_argument(f"Malformed request: {call.method} {call.path}")
            spec = _spec(model, match[2], match[3])
            if prediction:
                return self._predict_classify_or_regress(api, spec, call)
            if not model:
                raise invalid_argument("Missing model name in request.")
            return (self._metadata if match[4] else self._status)(spec), _JSON

    def _predict_classify_or_regress(
        self, api: str, spec: model_pb2.ModelSpec, call: _Call
    ) -> tuple[bytes, str]:
        deadline = Deadline(remaining=lambda: call.end - time.monotonic())
        body = decompressed(call.body, call.headers.get("content-encoding", ""), MAX_BODY)
        document = json_bodies.parse(body)
        spec.signature_name = json_bodies.signature_name(document)
        if api == "Predict":
            as_npz = self._options.npz and NPZ in call.headers.get("accept", "")
            return self._predict(spec, document, deadline, as_npz)
        given = json_bodies.examples(document)
        if api == "Classify":
            request = classification_pb2.ClassificationRequest(model_spec=spec, input=given)
            return json_bodies.classifications(self._data_plane.classify(request, deadline).result), _JSON
        request = regression_pb2.RegressionRequest(model_spec=spec, input=given)
        return json_bodies.regressions(self._data_plane.regress(request, deadline).result), _JSON

    def _predict(
        self, spec: model_pb2.ModelSpec, document: dict, deadline: Deadline, as_npz: bool
    ) -> tuple[bytes, str]:
        # One look-up: the version may be replaced while the body is converted.
        model = self._data_plane.models.find(spec)
        signatures = model.signatures
        name = spec.signature_name or DEFAULT_SIGNATURE
        if name not in signatures:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        request = predict_pb2.PredictRequest(model_spec=spec)
        for key, array in json_bodies.tensors(document, signatures[name].inputs).items():
            write(array, request.inputs[key])
        outputs = self._data_plane.predict_arrays(model, request, deadline)
        if as_npz:
            return npz(outputs), NPZ
        return json_bodies.predictions(outputs, json_bodies.is_by_row(document)), _JSON

    def _status(self, spec: model_pb2.ModelSpec) -> bytes:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        return _indented(_as_dict(model_status(self._data_plane.models, request)))

    def _metadata(self, spec: model_pb2.ModelSpec) -> bytes:
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=spec, metadata_field=["signature_def"]
        )
        response = self._data_plane.metadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        metadata = {"signature_def": _as_dict(signatures)}
        return _indented({"model_spec": _as_dict(response.model_spec), "metadata": metadata})


def _spec(model: str, version: str | None, label: str | None) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=model)
    if version is not None:
        digits = version.lstrip("0") or "0"
        if len(digits) > _MAX_VERSION_DIGITS or int(digits) >= 2**63:
            raise invalid_argument(f"Failed to convert version: {version} to numeric.")
        spec.version.value = int(digits)
    elif label is not None:
        spec.version_label = unquote(label)
    return spec


def _as_dict(message) -> dict:
    return MessageToDict(message, including_default_value_fields=True, preserving_proto_field_name=True)


def _indented(document: dict) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
