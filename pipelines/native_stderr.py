"""Suppression of what native libraries write to stderr, bypassing Python."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Two threads that each put back what they found would leave stderr silenced for good.
_one_at_a_time = threading.RLock()


@contextmanager
def silenced() -> Iterator[None]:
    """Send what native code writes to stderr to nowhere while the block runs. Exceptions are unaffected."""
    with _one_at_a_time:
        sys.stderr.flush()
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
