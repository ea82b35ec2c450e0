"""Wait for SIGTERM or Ctrl-C, to stop in good order."""

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals() -> Iterator["queue.SimpleQueue[int]"]:
    """Collect SIGTERM and SIGINT inside a `with`, in place of what they did.

    Yields:
        A queue of their numbers; `get` waits for the first.

    Raises:
        ValueError: outside of the main thread, which alone can handle signals.
    """
    # SimpleQueue.put may be called while the same thread is inside get; an Event's set may not.
    received: queue.SimpleQueue[int] = queue.SimpleQueue()
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("signals are handled in the main thread only; use Server in others")
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: received.put(number)) for number in signals}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
