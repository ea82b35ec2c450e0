"""Health and reflection, the services that every gRPC server has."""

from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from serving.protocol.descriptors import MODEL_SERVICE, PREDICTION_SERVICE, declare_services

# TensorFlow Serving's health service also knows its services without the package name.
# Open streams of reflection; each keeps a thread, as long as the client likes.
_REFLECTION_STREAMS = 16
_HEALTH_NAMES = ("", PREDICTION_SERVICE, MODEL_SERVICE, "PredictionService", "ModelService")


class Health(health.HealthServicer):
    """Health service that does not delay a shutdown: it notifies all watchers and ends their streams."""

    def __init__(self) -> None:
        super().__init__()
        self._watching: set[Callable] = set()
        self._ended = False

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable,
    ) -> None:
        """Send the status of a service now and at each change, until the server stops."""
        self._watching.add(send_response_callback)
        context.add_callback(lambda: self._watching.discard(send_response_callback))
        super().Watch(request, context, send_response_callback)
        if self._ended:
            send_response_callback(None)

    def enter_graceful_shutdown(self) -> None:
        """Set all services to NOT_SERVING for good, and end all streams."""
        super().enter_graceful_shutdown()
        self._ended = True
        for send in list(self._watching):
            send(None)


class Reflection(reflection.ReflectionServicer):
    """Reflection with threads of its own: a client may keep its stream open. It does not delay a shutdown."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self._open: set[grpc.ServicerContext] = set()
        pool = futures.ThreadPoolExecutor(2 * _REFLECTION_STREAMS, thread_name_prefix="reflection")
        self.ServerReflectionInfo = _in_pool(self._answers, pool)

    def _answers(self, requests: Iterator[object], context: grpc.ServicerContext) -> Iterator[object]:
        if len(self._open) >= _REFLECTION_STREAMS:
            message = f"{_REFLECTION_STREAMS} streams of server reflection are open; close idle ones"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        self._open.add(context)
        try:
            yield from reflection.ReflectionServicer.ServerReflectionInfo(self, requests, context)
        finally:
            self._open.discard(context)

    def end(self) -> None:
        """End all streams."""
        for context in list(self._open):
            context.cancel()


def add_health(server: grpc.Server) -> Health:
    """Add `grpc.health.v1.Health`, SERVING until `enter_graceful_shutdown` is called.

    Checks run in a thread of their own, so a server whose other threads are all busy still counts as healthy.
    """
    servicer = Health()
    for name in _HEALTH_NAMES:
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    servicer.Check = _in_pool(servicer.Check, futures.ThreadPoolExecutor(1, thread_name_prefix="health"))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


def add_reflection(server: grpc.Server) -> Reflection:
    """Add `grpc.reflection.v1alpha.ServerReflection`, which grpcurl and dynamic clients use."""
    declare_services()
    names = (PREDICTION_SERVICE, MODEL_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    servicer = Reflection(names)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    return servicer


def _in_pool(method: Callable, pool: futures.ThreadPoolExecutor) -> Callable:
    """Return a method, with a request or an iterator of them, that gRPC runs in threads of its own."""

    def behavior(request: object, context: grpc.ServicerContext) -> object:
        return method(request, context)

    behavior.experimental_thread_pool = pool
    return behavior
