"""Requests that are no messages at all, refused in our own way.

gRPC's own way for Python loses 15 KB of the server's memory with each of them, for good: after the refusal it
waits for a second message, and ends the call another time (grpc/_server.py, `_unary_request`).
"""

from collections.abc import Callable, Iterator
from functools import wraps

import grpc
from google.protobuf.message import DecodeError

_UNREADABLE = object()


class Decoding(grpc.ServerInterceptor):
    """Refuses what cannot be read as INTERNAL, as gRPC does, before any service sees it."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call, with a deserialiser that does not raise."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        make = (
            (grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler),
            (grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler),
        )[handler.request_streaming][handler.response_streaming]
        answer = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        checked = _with_messages if handler.request_streaming else _with_message
        read = handler.request_deserializer
        return make(checked(answer), read and _reader(read), handler.response_serializer)


def _reader(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def read_or_tell(wire: bytes) -> object:
        try:
            return read(wire)
        except DecodeError:
            return _UNREADABLE

    return read_or_tell


def _with_message(answer: Callable) -> Callable:
    @wraps(answer)  # with the marks that grpc's own services set on their methods
    def checked(request: object, context: grpc.ServicerContext, *more: object) -> object:
        _check(request, context)
        return answer(request, context, *more)

    return checked


def _with_messages(answer: Callable) -> Callable:
    def each(requests: Iterator[object], context: grpc.ServicerContext) -> Iterator[object]:
        for request in requests:
            _check(request, context)
            yield request

    @wraps(answer)
    def checked(requests: Iterator[object], context: grpc.ServicerContext, *more: object) -> object:
        return answer(each(requests, context), context, *more)

    return checked


def _check(request: object, context: grpc.ServicerContext) -> None:
    if request is _UNREADABLE:
        context.abort(grpc.StatusCode.INTERNAL, "Exception deserializing request!")
