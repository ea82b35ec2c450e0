"""gRPC interceptors: malformed messages, and request logging."""

from collections.abc import Callable, Iterator
from functools import wraps

import grpc
from google.protobuf.message import DecodeError

from serving.protocol.serving_error import ServingError
from serving.runtime.request_log import REQUEST_ID, RequestLog, request_id

_MALFORMED = object()
_SERVING = "/tensorflow.serving."


class MalformedMessageInterceptor(grpc.ServerInterceptor):
    """Rejects a message that cannot be parsed with INTERNAL, before a service sees it.

    gRPC for Python rejects it too, but leaks 15 KB for each such message: after the error it waits for a
    second message and ends the call a second time (grpc/_server.py, `_unary_request`).
    """

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call, with a deserializer that does not raise."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        make = (
            (grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler),
            (grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler),
        )[handler.request_streaming][handler.response_streaming]
        method = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        checked = _check_each if handler.request_streaming else _check_one
        parse = handler.request_deserializer
        return make(checked(method), parse and _tolerant(parse), handler.response_serializer)


class RequestLogInterceptor(grpc.ServerInterceptor):
    """Logs and counts calls of TensorFlow Serving's services, and turns a `ServingError` into their status.

    Args:
        request_log: Log that records the calls.
    """

    def __init__(self, request_log: RequestLog) -> None:
        self._log = request_log

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call, with logging around it."""
        handler = continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(_SERVING):
            return handler
        api, method = handler_call_details.method.rpartition("/")[2], handler.unary_unary

        def logged(request: object, context: grpc.ServicerContext) -> object:
            given = dict(context.invocation_metadata()).get(REQUEST_ID)
            identifier = request_id(given if isinstance(given, str) else None)
            context.set_trailing_metadata(((REQUEST_ID, identifier),))
            try:
                with self._log.record(api, "GRPC", _model_name(request), identifier):
                    return method(request, context)
            except ServingError as caught:
                error = caught
            context.abort(error.code, error.message)  # outside the block above, because it raises

        return grpc.unary_unary_rpc_method_handler(
            logged, handler.request_deserializer, handler.response_serializer
        )


def _model_name(request: object) -> str:
    if hasattr(request, "tasks"):  # MultiInference
        return request.tasks[0].model_spec.name if request.tasks else ""
    return request.model_spec.name if hasattr(request, "model_spec") else ""


def _tolerant(parse: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def parse_or_mark(wire: bytes) -> object:
        try:
            return parse(wire)
        except DecodeError:
            return _MALFORMED

    return parse_or_mark


def _check_one(method: Callable) -> Callable:
    @wraps(method)  # keeps the attributes that grpc's own services set on their methods
    def checked(request: object, context: grpc.ServicerContext, *more: object) -> object:
        _check(request, context)
        return method(request, context, *more)

    return checked


def _check_each(method: Callable) -> Callable:
    def each(requests: Iterator[object], context: grpc.ServicerContext) -> Iterator[object]:
        for request in requests:
            _check(request, context)
            yield request

    @wraps(method)
    def checked(requests: Iterator[object], context: grpc.ServicerContext, *more: object) -> object:
        return method(each(requests, context), context, *more)

    return checked


def _check(request: object, context: grpc.ServicerContext) -> None:
    if request is _MALFORMED:
        context.abort(grpc.StatusCode.INTERNAL, "Exception deserializing request!")
