"""Networks that compute in bfloat16, which halves the time where the processor has instructions for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def bfloat16(wanted: bool = True) -> Iterator[None]:
    """Let networks that are built in the block compute in bfloat16; their weights stay float32.

    Args:
        wanted: if not, the block changes nothing.
    """
    before = keras.mixed_precision.global_policy()
    if wanted:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
