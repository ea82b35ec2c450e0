"""Where TensorFlow runs: a few requests at the same time, each as long as somebody waits for it."""

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

from serving.protocol.serving_error import STATUS_BY_NUMBER, Refusal, invalid_argument
from serving.repository.model import Model
from serving.runtime.batching import Batcher, Batching

# Threads, as each waits for its batch; several times as many as requests are read at the same time.
_MOST_QUEUEING = 128


@dataclass(frozen=True)
class Waiting:
    """Whoever waits for an answer.

    Attributes:
        remaining: returns for how many seconds more.
        there: tells whether it still does.
    """

    remaining: Callable[[], float] = lambda: math.inf
    there: Callable[[], bool] = lambda: True


class Execution:
    """Runs signatures of models.

    Args:
        slots: how many requests run at the same time. TensorFlow spreads one request over the cores by
            itself; on two cores, two at a time were slower than one after the other.
        batching: joins requests; by default each runs alone.
    """

    def __init__(self, slots: int = 1, batching: Batching | None = None) -> None:
        self._slots = threading.BoundedSemaphore(slots)
        self._batcher = Batcher(batching) if batching else None
        # TensorFlow's queue cannot be left: somebody else waits in it, and beyond these in front of it.
        self._queueing = futures.ThreadPoolExecutor(_MOST_QUEUEING, thread_name_prefix="batch")

    def run(
        self,
        model: Model,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        waiting: Waiting,
        in_turn: bool = True,
    ) -> dict[str, np.ndarray]:
        """Run a signature on inputs that have been checked.

        Args:
            model: that has the signature.
            signature: its name.
            inputs: by name.
            outputs: names of those that are wanted.
            waiting: whoever waits; nothing runs for somebody who has gone.
            in_turn: wait for a slot. A first run does not: nearly all of it is TensorFlow's preparation on
                one core, for which no request should wait.

        Raises:
            Refusal: DEADLINE_EXCEEDED or CANCELLED if nobody waits any more, UNAVAILABLE if too many do, and
                TensorFlow's own code and message if it fails.
        """
        try:
            function = self._batcher and self._batcher.function(model, signature, inputs)
            if function:
                _check_there(waiting)
                results = self._in_time(self._batcher.run, function, inputs, waiting)
            else:
                with self._turn(waiting) if in_turn else nullcontext():
                    tensors = {name: tf.constant(array) for name, array in inputs.items()}
                    results = model.function(signature)(**tensors)
            return {name: np.asarray(results[name]) for name in outputs}
        except tf.errors.OpError as error:
            raise Refusal(STATUS_BY_NUMBER[error.error_code], _plain(error.message)) from error
        except UnicodeDecodeError as error:  # which is what its errors become that quote such input
            raise invalid_argument("TensorFlow refuses the input, in words that are not UTF-8.") from error

    def _in_time(self, run: Callable, function: Callable, inputs: Mapping, waiting: Waiting) -> Mapping:
        queued = self._queueing.submit(run, function, inputs)
        try:
            return queued.result(timeout=min(waiting.remaining(), threading.TIMEOUT_MAX))
        except TimeoutError as error:
            queued.cancel()
            message = "Deadline exceeded while waiting in the batching queue."
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, message) from error

    @contextmanager
    def _turn(self, waiting: Waiting) -> Iterator[None]:
        if not self._slots.acquire(timeout=min(waiting.remaining(), threading.TIMEOUT_MAX)):
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded while waiting for a slot.")
        try:
            _check_there(waiting)
            yield
        finally:
            self._slots.release()


def _plain(message: str) -> str:
    """Return TensorFlow's message as Serving gives it, without the lines of source before it."""
    said = message.rpartition("\n\n")[2].rpartition("<stack traces unavailable>\n")[2]
    return re.sub(r" \[Op:\w+\]$", "", said)


def _check_there(waiting: Waiting) -> None:
    if waiting.remaining() <= 0:
        raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded before the request ran.")
    if not waiting.there():
        raise Refusal(grpc.StatusCode.CANCELLED, "The client has gone.")
