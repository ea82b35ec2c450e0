"""Threads of TensorFlow in commands that run small networks."""

import os


def one_thread_per_operation() -> None:
    """Let TensorFlow use one thread within an operation, unless the user's environment says otherwise.

    More of them slow networks as small as the shipped ones down (docs/benchmarks.md, "Networks"). TensorFlow
    reads the variable when it starts, and processes inherit it.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
