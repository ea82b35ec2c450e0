"""Requests that arrive together, joined into one run of the network, by TensorFlow's own batch scheduler.

It is the scheduler of TensorFlow Serving, with the same parameters and the same words when its queue is full.
Requests are joined only if all sizes but the first agree: a picture of another size would make the whole
batch fail, which in the official server it does.
"""

import itertools
import re
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from serving.protocol.config_files import BatchingParameters, read_config
from serving.protocol.stubs import meta_graph_pb2, types_pb2
from serving.repository.model import Model

# TensorFlow finds a scheduler by its name, in the whole process: no two may have the same.
_numbers = itertools.count()

# Each picture size has a queue and threads of its own, which TensorFlow keeps for good; further sizes are
# run one by one.
_MAX_SIZES = 16


@dataclass(frozen=True)
class Batching:
    """Parameters of the scheduler, under the names that Serving's `BatchingParameters` have.

    Attributes:
        max_batch_size: most rows of one run; a larger request is split.
        batch_timeout_micros: how long a request waits for company, microseconds.
        max_enqueued_batches: batches that may wait; a request beyond them gets UNAVAILABLE.
        num_batch_threads: batches that run at the same time.
        allowed_batch_sizes: batches are padded to one of these, if there are any.
    """

    max_batch_size: int = 16
    batch_timeout_micros: int = 2000
    max_enqueued_batches: int = 100
    num_batch_threads: int = 1
    allowed_batch_sizes: tuple[int, ...] = ()


def read_batching(path: Path | str, default: Batching) -> Batching:
    """Read Serving's `--batching_parameters_file`.

    Args:
        path: of the file.
        default: what holds for a parameter that the file does not give.

    Raises:
        InputError: if it is no such file or its parameters contradict each other.
    """
    given = read_config(path, BatchingParameters)
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    values = {
        name: getattr(given, name).value if given.HasField(name) else getattr(default, name) for name in names
    }
    for name, value in values.items():
        if value < (0 if name == "batch_timeout_micros" else 1):
            raise InputError(f"{path}: {name} is {value}; it must be greater")
    allowed = tuple(given.allowed_batch_sizes)
    if allowed and (sorted(set(allowed)) != list(allowed) or allowed[-1] != values["max_batch_size"]):
        raise InputError(f"{path}: allowed_batch_sizes must increase and end with max_batch_size")
    if given.pad_variable_length_inputs:
        raise InputError(
            f"{path}: pad_variable_length_inputs is not offered: a padded picture has another flow"
        )
    if given.HasField("max_execution_batch_size"):
        if allowed:
            raise InputError(f"{path}: max_execution_batch_size and allowed_batch_sizes exclude each other")
        # Requests are split in any case, so that only the size of a run is left to say.
        values["max_batch_size"] = min(values["max_batch_size"], given.max_execution_batch_size.value)
    return Batching(**values, allowed_batch_sizes=allowed)


class Batcher:
    """Runs signatures of models in batches.

    Args:
        batching: parameters of the scheduler.
    """

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._functions: weakref.WeakKeyDictionary[Model, dict[tuple, Callable]] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def function(self, model: Model, signature: str, inputs: Mapping[str, np.ndarray]) -> Callable | None:
        """Return a function that joins its inputs with those of other threads.

        Args:
            model: whose signature it is.
            signature: its name.
            inputs: that it will be called with; their sizes matter, their values do not.

        Returns:
            A function like `model.function(signature)`, or None if these inputs cannot be joined with
            others: they are strings, the signature has no dimension that counts rows, or too many sizes
            were seen.
        """
        if not _can_be_joined(model.signatures[signature]):
            return None
        sizes = tuple((name, array.dtype.str, array.shape[1:]) for name, array in sorted(inputs.items()))
        with self._lock:
            functions = self._functions.setdefault(model, {})
            known = functions.get((signature, sizes))
            if known is None and len(functions) < _MAX_SIZES:
                known = functions[signature, sizes] = self._make(model, signature, inputs)
        return known

    def run(self, function: Callable, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Call a function of `function`; a request that is larger than a batch is cut into several.

        Raises:
            tf.errors.OpError: as TensorFlow does; UnavailableError if the queue is full.
        """
        rows, step = len(next(iter(inputs.values()))), self._batching.max_batch_size
        parts = [
            function(**{name: tf.constant(array[start : start + step]) for name, array in inputs.items()})
            for start in range(0, rows, step)
        ]
        return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}

    def _make(self, model: Model, signature: str, inputs: Mapping[str, np.ndarray]) -> Callable:
        names, b = sorted(inputs), self._batching
        run = model.function(signature)

        @tf.nondifferentiable_batch_function(
            num_batch_threads=b.num_batch_threads,
            max_batch_size=b.max_batch_size,
            batch_timeout_micros=b.batch_timeout_micros,
            allowed_batch_sizes=list(b.allowed_batch_sizes) or None,
            max_enqueued_batches=b.max_enqueued_batches,
            enable_large_batch_splitting=False,
        )
        def joined(*tensors):
            return run(**dict(zip(names, tensors, strict=True)))

        scope = re.sub(r"\W", "_", f"{model.name}_{model.version}_{signature}_{next(_numbers)}")
        specs = [
            tf.TensorSpec([None, *inputs[name].shape[1:]], model.signatures[signature].inputs[name].dtype)
            for name in names
        ]

        @tf.function(input_signature=specs)
        def call(*tensors):
            with tf.name_scope(scope):
                return joined(*tensors)

        call.get_concrete_function()
        return lambda **tensors: call(*(tensors[name] for name in names))


def _can_be_joined(signature: meta_graph_pb2.SignatureDef) -> bool:
    # Strings hold pictures and examples, whose sizes do not show, and a damaged one would fail all others.
    if any(info.dtype == types_pb2.DT_STRING for info in signature.inputs.values()):
        return False
    infos = [*signature.inputs.values(), *signature.outputs.values()]
    return all(info.tensor_shape.dim and info.tensor_shape.dim[0].size == -1 for info in infos)
