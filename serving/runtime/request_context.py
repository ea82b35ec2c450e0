"""What every request goes through, whatever it asks for: its id, its log line, its metrics, its refusal."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc

from serving.protocol.serving_error import Refusal
from serving.protocol.stubs import model_pb2
from serving.runtime.metrics import Metrics

#: Metadata key and HTTP header. A client may give one; the answer carries it.
REQUEST_ID = "x-request-id"

_log = logging.getLogger(__name__)
_PLAIN_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)


def request_id(given: str | None) -> str:
    """Return a client's id for its request if it is a decent one, else a new one."""
    return given if given and _PLAIN_ID.fullmatch(given) else uuid.uuid4().hex


class Answering:
    """Notes requests and turns what goes wrong with them into refusals.

    Args:
        metrics: where they are counted.
        is_model: tells whether there is a model of a name. Names that clients make up are not counted each.
    """

    def __init__(self, metrics: Metrics, is_model: Callable[[str], bool]) -> None:
        self._metrics = metrics
        self._is_model = is_model

    @contextmanager
    def __call__(
        self, context: grpc.ServicerContext, api: str, spec: model_pb2.ModelSpec | None = None
    ) -> Iterator[None]:
        """Answer a gRPC request in the block; a `Refusal` in it becomes the status of the call.

        Args:
            context: of the call.
            api: name of the method.
            spec: of the model that it asks for.
        """
        given = dict(context.invocation_metadata()).get(REQUEST_ID)
        name = request_id(given if isinstance(given, str) else None)
        context.set_trailing_metadata(((REQUEST_ID, name),))
        refusal = None
        try:
            with self.noted(api, "GRPC", spec.name if spec else "", name):
                yield
        except Refusal as caught:
            refusal = caught
        if refusal:  # outside of the block above, because `abort` ends it by an exception of its own
            context.abort(refusal.code, refusal.message)

    @contextmanager
    def noted(self, api: str, entrypoint: str, model: str, name: str) -> Iterator[None]:
        """Note the request that the block answers; whatever it raises leaves it as a `Refusal`.

        Args:
            api: name of the method.
            entrypoint: GRPC or REST.
            model: name of the model that is asked for.
            name: the request's id.
        """
        start, code, message = time.perf_counter(), grpc.StatusCode.OK, ""
        try:
            yield
        except Refusal as refusal:
            code, message = refusal.code, refusal.message
            raise
        except MemoryError as error:
            code, message = grpc.StatusCode.RESOURCE_EXHAUSTED, "Out of memory."
            raise Refusal(code, message) from error
        except Exception as error:
            # A fault of ours: the details go into our log, not to whoever is on the other side.
            _log.exception("internal error", extra={"fields": {"request_id": name}})
            code, message = grpc.StatusCode.INTERNAL, "Internal error; the server's log has the details."
            raise Refusal(code, message) from error
        finally:
            seconds = time.perf_counter() - start
            known = model if self._is_model(model) else ""
            self._metrics.request(known, api, entrypoint, code, seconds)
            fields = {
                "request_id": name,
                "api": api,
                "entrypoint": entrypoint,
                "model": model[:64],
                "status": code.name,
                "milliseconds": round(1000 * seconds, 2),
            }
            _log.info(message or "answered", extra={"fields": fields})
