"""Training on one device, on several GPUs, or on several machines.

On several machines the same command runs on each, with TensorFlow's own `TF_CONFIG` in its environment:

    TF_CONFIG='{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
"""

import json
import os
from functools import partial

import tensorflow as tf

from pipelines.errors import InputError


def choose_strategy() -> tf.distribute.Strategy:
    """Return how to train: `TF_CONFIG` names other machines, there are several GPUs, or neither.

    Build and compile the model in its `scope()`. To be called before TensorFlow has done anything else, which
    it demands of processes that train together.

    Raises:
        InputError: if `TF_CONFIG` is not what TensorFlow takes.
    """
    if "TF_CONFIG" in os.environ:
        _check_tf_config(os.environ["TF_CONFIG"])
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Raise `InputError` unless the batch falls into equal parts, which `FlowTrainer`'s loss rests on."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise InputError(
            f"batch_size {batch_size}: must be a multiple of {replicas}, the number of devices that share it"
        )


def shared_batches(batches: tf.data.Dataset, replicas: int = 1) -> tf.data.Dataset:
    """Let every worker read all batches and take its part of each.

    The alternative, a part of the files for each, would make batches of other pairs than one worker does.

    Args:
        batches: of the whole batch size, in the same order on every worker.
        replicas: number of devices that share a batch. A last batch that is smaller is filled up with pairs
            without a valid pixel, because not all operations accept an empty part.
    """
    if replicas > 1:
        batches = batches.map(lambda *batch: tf.nest.map_structure(partial(_filled_up, replicas), batch))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def _filled_up(replicas: int, values: tf.Tensor) -> tf.Tensor:
    """Append zeros, or False, up to a multiple of the number of replicas."""
    shape = tf.shape(values)
    missing = tf.concat([[-shape[0] % replicas], shape[1:]], axis=0)
    return tf.concat([values, tf.zeros(missing, values.dtype)], axis=0)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tell whether this process is the one that writes the run's files: the chief, or else worker 0."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.cluster_spec():
        return True
    chief = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (chief, 0)


def _check_tf_config(text: str) -> None:
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        address = jobs[task["type"]][int(task["index"])]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            'TF_CONFIG: must be JSON like {"cluster": {"worker": ["HOST:PORT", ...]}, '
            f'"task": {{"type": "worker", "index": 0}}}} ({type(error).__name__}: {error})'
        ) from error
    if ":" not in str(address):
        raise InputError(f"TF_CONFIG: {address!r} is not an address HOST:PORT")
