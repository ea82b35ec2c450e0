import logging
import subprocess
import sys

import pytest
import tensorflow as tf

from serving.runtime.tensorflow_threads import set_tensorflow_threads

PROGRAM = """
import os, tensorflow as tf
from serving.runtime.tensorflow_threads import set_tensorflow_threads
set_tensorflow_threads({intra_op}, {inter_op})
tf.linalg.matmul(tf.ones((300, 300)), tf.ones((300, 300)))
print(len(os.listdir("/proc/self/task")))
"""


def num_threads(intra_op, inter_op):
    """Number of threads of a process that has run an operation, as Linux counts them."""
    program = PROGRAM.format(intra_op=intra_op, inter_op=inter_op)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_threads_of_a_process():
    least = num_threads(intra_op=1, inter_op=2)
    assert num_threads(intra_op=1, inter_op=5) == least + 3
    assert num_threads(intra_op=6, inter_op=2) == least + 5  # one of six is the caller's


def test_a_process_in_which_tensorflow_runs_already(caplog):
    tf.ones(1)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    with caplog.at_level(logging.INFO):
        set_tensorflow_threads(before + 1, 0)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before
    assert "stay as they are" in caplog.text
