"""Threads of TensorFlow, which are settings of the process."""

import logging

import tensorflow as tf

_log = logging.getLogger(__name__)


def set_tensorflow_threads(intra_op: int, inter_op: int) -> None:
    """Set how many threads TensorFlow uses; only before its first operation in this process.

    Args:
        intra_op: Number of threads within an operation; 0 for one per core.
        inter_op: Number of operations that run at the same time; 0 for one per core.
    """
    threading = tf.config.threading
    try:
        threading.set_intra_op_parallelism_threads(intra_op)
        threading.set_inter_op_parallelism_threads(inter_op)
    except RuntimeError:  # it runs already, in a notebook or a test
        _log.info("TensorFlow runs already in this process; its threads stay as they are")
