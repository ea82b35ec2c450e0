"""The mixed-precision policy of training."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import tensorflow as tf

_CPU_INFO = Path("/proc/cpuinfo")


@contextmanager
def precision_policy(name: str) -> Iterator[str]:
    """Build networks with a mixed-precision policy inside the block.

    Args:
        name: Policy of Keras; or `auto`: `mixed_float16` on a GPU, `mixed_bfloat16` on a CPU that computes in
            bfloat16, and `float32` elsewhere, where bfloat16 would be slower.

    Yields:
        The name of the policy.
    """
    if name == "auto":
        name = "mixed_float16" if tf.config.list_physical_devices("GPU") else _cpu_policy()
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(name)
    try:
        yield name
    finally:
        keras.mixed_precision.set_global_policy(before)


def _cpu_policy() -> str:
    flags = _CPU_INFO.read_text().split() if _CPU_INFO.exists() else []
    return "mixed_bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"
