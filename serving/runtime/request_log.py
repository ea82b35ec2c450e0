"""Logging, metrics and error handling of every request, for gRPC and REST alike."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc

from serving.protocol.serving_error import ServingError
from serving.runtime.metrics import Metrics

#: Metadata key and HTTP header. A client may set it; the response carries it.
REQUEST_ID = "x-request-id"

_log = logging.getLogger(__name__)
_VALID_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


def request_id(given: str | None) -> str:
    """Return the id that a client gave its request, or a new one if it gave none or an invalid one."""
    return given if given and _VALID_ID.fullmatch(given) else uuid.uuid4().hex


class RequestLog:
    """Records requests in the log and in the metrics, and turns exceptions into `ServingError`.

    Args:
        metrics: Metrics that count the requests.
        is_model: Function that tells whether there is a model of a name. Unknown names are counted under an
            empty name, so that clients cannot fill the metrics with made-up names.
    """

    def __init__(self, metrics: Metrics, is_model: Callable[[str], bool]) -> None:
        self._metrics = metrics
        self._is_model = is_model

    @contextmanager
    def record(self, api: str, entrypoint: str, model: str, request_id: str) -> Iterator[None]:
        """Record the request that is answered inside the `with` block.

        Args:
            api: Name of the method, such as `Predict`.
            entrypoint: GRPC or REST.
            model: Name of the requested model.
            request_id: Id of the request.

        Raises:
            ServingError: For every exception in the block.
        """
        start, code, message = time.perf_counter(), grpc.StatusCode.OK, ""
        try:
            yield
        except ServingError as error:
            code, message = error.code, error.message
            raise
        except MemoryError as error:
            code, message = grpc.StatusCode.RESOURCE_EXHAUSTED, "Out of memory."
            raise ServingError(code, message) from error
        except Exception as error:
            # A bug. The details go to the log and not to the client.
            _log.exception("internal error", extra={"fields": {"request_id": request_id}})
            code, message = grpc.StatusCode.INTERNAL, "Internal error; the server's log has the details."
            raise ServingError(code, message) from error
        finally:
            seconds = time.perf_counter() - start
            known = model if self._is_model(model) else ""
            self._metrics.request(known, api, entrypoint, code, seconds)
            fields = {
                "request_id": request_id,
                "api": api,
                "entrypoint": entrypoint,
                "model": model[:64],
                "status": code.name,
                "milliseconds": round(1000 * seconds, 2),
            }
            _log.info(message or "answered", extra={"fields": fields})

    def disconnected(self, entrypoint: str) -> None:
        """Record a client that disconnected before its request was complete."""
        message = "client disconnected before its request was complete"
        self._end(entrypoint, grpc.StatusCode.CANCELLED, message)

    def stopped(self, entrypoint: str) -> None:
        """Record a request whose response was not ready when the server stopped."""
        message = "the server stopped before the response was ready"
        self._end(entrypoint, grpc.StatusCode.UNAVAILABLE, message)

    def _end(self, entrypoint: str, code: grpc.StatusCode, message: str) -> None:
        self._metrics.request("", "", entrypoint, code, 0.0)
        _log.info(message, extra={"fields": {"entrypoint": entrypoint, "status": code.name}})
