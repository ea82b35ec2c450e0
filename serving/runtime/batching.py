"""Batching: requests that arrive together run in one batch, by TensorFlow's own batch scheduler.

TensorFlow Serving uses the same scheduler, with the same parameters and the same message when its queue is
full. Only requests that agree in all sizes but the first share a batch: an image of another size would make
the whole batch fail, as it does in TensorFlow Serving.
"""

import itertools
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from serving.protocol.config_files import read_config
from serving.protocol.descriptors import BatchingParameters
from serving.protocol.stubs import meta_graph_pb2, types_pb2
from serving.repository.model import Model

# TensorFlow finds a scheduler and its queues by their names, which must be unique in the process.
_numbers = itertools.count()

# Each image size has a queue, and a graph of its own that takes time to build. Requests of further sizes run
# one by one.
_MAX_SIZES = 16


@dataclass(frozen=True)
class Batching:
    """Parameters of the scheduler, with the names of Serving's `BatchingParameters`.

    Attributes:
        max_batch_size: Largest number of rows in a batch; a larger request is split.
        batch_timeout_micros: Longest time that a request waits for others, microseconds.
        max_enqueued_batches: Largest number of batches in the queue; a request beyond them gets UNAVAILABLE.
        num_batch_threads: Number of batches that run at the same time, of all models.
        allowed_batch_sizes: Sizes to which batches are padded; empty for no padding.
    """

    max_batch_size: int = 16
    batch_timeout_micros: int = 2000
    max_enqueued_batches: int = 100
    num_batch_threads: int = 1
    allowed_batch_sizes: tuple[int, ...] = ()


def read_batching(path: Path | str, default: Batching) -> Batching:
    """Read Serving's `--batching_parameters_file`.

    Args:
        path: Path of the file.
        default: Values of the parameters that the file does not give.

    Raises:
        InputError: If the file cannot be parsed, or its parameters contradict each other.
    """
    given = read_config(path, BatchingParameters)
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    values = {
        name: getattr(given, name).value if given.HasField(name) else getattr(default, name) for name in names
    }
    for name, value in values.items():
        least = 0 if name == "batch_timeout_micros" else 1
        if value < least:
            raise InputError(f"{path}: {name} is {value}; it must be at least {least}")
    allowed = tuple(given.allowed_batch_sizes)
    if allowed and (sorted(set(allowed)) != list(allowed) or allowed[-1] != values["max_batch_size"]):
        raise InputError(f"{path}: allowed_batch_sizes must increase and end with max_batch_size")
    if given.pad_variable_length_inputs:
        raise InputError(
            f"{path}: pad_variable_length_inputs is not supported, because padding an image changes its flow"
        )
    if given.HasField("max_execution_batch_size"):
        if allowed:
            raise InputError(
                f"{path}: max_execution_batch_size and allowed_batch_sizes are mutually exclusive"
            )
        # Requests are always split, so this is another name for the size of a batch.
        values["max_batch_size"] = min(values["max_batch_size"], given.max_execution_batch_size.value)
    return Batching(**values, allowed_batch_sizes=allowed)


class Batcher:
    """Runs signatures of models in batches.

    Args:
        batching: Parameters of the scheduler.
    """

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._scheduler = f"scheduler_{next(_numbers)}"  # with the threads, which TensorFlow never frees
        self._functions: weakref.WeakKeyDictionary[Model, dict[tuple, Callable]] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def function(self, model: Model, signature: str, inputs: Mapping[str, np.ndarray]) -> Callable | None:
        """Return a function that batches its inputs with those of other threads.

        Args:
            model: Model with the signature.
            signature: Name of the signature.
            inputs: Arrays by name, as in the later call; only their shapes matter.

        Returns:
            A function like `model.function(signature)`, or None if these inputs must run alone: if they have
            no rows, are strings or of other ranks than declared, the signature has no batch dimension, the
            model is one of TensorFlow 1, or all queues are taken by other sizes.
        """
        if any(array.shape[:1] == (0,) for array in inputs.values()):
            return None
        if model.function(signature) is None or not _can_be_joined(model.signatures[signature], inputs):
            return None
        sizes = tuple((name, array.dtype.str, array.shape[1:]) for name, array in sorted(inputs.items()))
        with self._lock:
            functions = self._functions.setdefault(model, {})
            known = functions.get((signature, sizes))
            if known is None and len(functions) < _MAX_SIZES:
                known = functions[signature, sizes] = self._make(model, signature, inputs)
        return known

    def run(self, function: Callable, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Call a function that `function` returned, in several parts if the request is larger than a batch.

        Raises:
            tf.errors.OpError: If TensorFlow fails; UnavailableError if the queue is full.
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
        queue = f"{model.name}_{model.version}_{signature}_{next(_numbers)}"
        specs = [
            tf.TensorSpec([None, *inputs[name].shape[1:]], model.signatures[signature].inputs[name].dtype)
            for name in names
        ]

        @tf.function(input_signature=specs)
        def joined(*tensors):
            return run(**dict(zip(names, tensors, strict=True)))

        batch = joined.get_concrete_function()

        # As `tf.nondifferentiable_batch_function`, which makes a scheduler for each function.
        @tf.function(input_signature=specs)
        def call(*tensors):
            outputs = tf.raw_ops.BatchFunction(
                in_tensors=list(tensors),
                captured_tensors=batch.captured_inputs,
                f=batch,
                Tout=[output.dtype for output in batch.outputs],
                shared_name=self._scheduler,
                batching_queue=queue,
                num_batch_threads=b.num_batch_threads,
                max_batch_size=b.max_batch_size,
                batch_timeout_micros=b.batch_timeout_micros,
                allowed_batch_sizes=list(b.allowed_batch_sizes),
                max_enqueued_batches=b.max_enqueued_batches,
                enable_large_batch_splitting=False,
            )
            return tf.nest.pack_sequence_as(batch.structured_outputs, outputs)

        call.get_concrete_function()
        return lambda **tensors: call(*(tensors[name] for name in names))


def _can_be_joined(signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, np.ndarray]) -> bool:
    # Strings hold images and examples of unknown size, and a damaged one would make the whole batch fail.
    if any(info.dtype == types_pb2.DT_STRING for info in signature.inputs.values()):
        return False
    infos = [*signature.inputs.values(), *signature.outputs.values()]
    if not all(info.tensor_shape.dim and info.tensor_shape.dim[0].size == -1 for info in infos):
        return False
    ranks_fit = all(
        inputs[name].ndim == len(info.tensor_shape.dim) for name, info in signature.inputs.items()
    )
    return ranks_fit and len({len(array) for array in inputs.values()}) == 1
