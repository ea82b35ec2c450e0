"""Execution of signatures by TensorFlow, with bounded concurrency and deadlines."""

import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import grpc
import numpy as np
import tensorflow as tf

from serving.protocol.serving_error import STATUS_BY_NUMBER, ServingError, invalid_argument
from serving.repository.model import Model
from serving.runtime.batching import Batcher, Batching

# Threads of the pool, one for each queued request: several times the number of RPC threads.
_MAX_QUEUED = 128


@dataclass(frozen=True)
class Deadline:
    """Time left for a request, and whether its client still waits.

    Attributes:
        remaining: Returns the seconds that are left.
        is_active: Tells whether the client is still connected.
    """

    remaining: Callable[[], float] = lambda: math.inf
    is_active: Callable[[], bool] = lambda: True


class Execution:
    """Runs signatures of models.

    Args:
        max_concurrency: Number of requests that run at the same time.
        batching: Parameters of batching; None to run each request alone.
    """

    def __init__(self, max_concurrency: int = 1, batching: Batching | None = None) -> None:
        self._semaphore = threading.BoundedSemaphore(max_concurrency)
        self._batcher = Batcher(batching) if batching else None
        # A request cannot leave TensorFlow's queue, so a thread of this pool waits there in its place.
        self._queueing = futures.ThreadPoolExecutor(_MAX_QUEUED, thread_name_prefix="batch")

    def run(
        self,
        model: Model,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        deadline: Deadline,
        limited: bool = True,
    ) -> dict[str, np.ndarray]:
        """Run a signature on checked inputs.

        Args:
            model: Model with the signature.
            signature: Name of the signature.
            inputs: Arrays by input name.
            outputs: Names of the outputs to return.
            deadline: Deadline of the request; nothing runs after it, or for a disconnected client.
            limited: Count this run against `max_concurrency`. False for warm-up, most of which is
                TensorFlow's preparation on one core; requests should not wait for it.

        Raises:
            ServingError: DEADLINE_EXCEEDED; CANCELLED for a disconnected client; UNAVAILABLE if the batching
                queue is full; TensorFlow's own code and message if TensorFlow fails.
        """
        try:
            function = self._batcher and self._batcher.function(model, signature, inputs)
            if function:
                _check_deadline(deadline)
                results = self._in_time(self._batcher.run, function, inputs, deadline)
            else:
                with self._turn(deadline) if limited else nullcontext():
                    results = model.run(signature, inputs, outputs)
            return {name: np.asarray(results[name]) for name in outputs}
        except tf.errors.OpError as error:
            raise ServingError(STATUS_BY_NUMBER[error.error_code], _plain(error.message)) from error
        except UnicodeDecodeError as error:  # TensorFlow's message quotes input that is not UTF-8
            raise invalid_argument(
                "TensorFlow rejects the input with a message that is not UTF-8."
            ) from error
        except (TypeError, ValueError) as error:  # TensorFlow's Python layer, before the graph runs
            raise invalid_argument(str(error)) from error

    def _in_time(self, run: Callable, function: Callable, inputs: Mapping, deadline: Deadline) -> Mapping:
        queued = self._queueing.submit(run, function, inputs)
        try:
            return queued.result(timeout=min(deadline.remaining(), threading.TIMEOUT_MAX))
        except TimeoutError as error:
            queued.cancel()
            message = "Deadline exceeded while waiting in the batching queue."
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, message) from error

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        if not self._semaphore.acquire(timeout=min(deadline.remaining(), threading.TIMEOUT_MAX)):
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded while waiting to run.")
        try:
            _check_deadline(deadline)
            yield
        finally:
            self._semaphore.release()


def _plain(message: str) -> str:
    """Return TensorFlow's message as Serving reports it, without the source lines before it."""
    said = message.rpartition("\n\n")[2].rpartition("<stack traces unavailable>\n")[2]
    return re.sub(r" \[Op:\w+\]$", "", said)


def _check_deadline(deadline: Deadline) -> None:
    if deadline.remaining() <= 0:
        raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded before the request ran.")
    if not deadline.is_active():
        raise ServingError(grpc.StatusCode.CANCELLED, "The client has disconnected.")
