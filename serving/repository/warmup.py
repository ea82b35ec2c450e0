"""Warm-up requests, which a version contains and a server runs before the version is available.

The first run of a graph is many times slower than the later ones. TensorFlow Serving replays the requests
in `assets.extra/tf_serving_warmup_requests`, a TFRecord file of `PredictionLog` messages, and so does our
server.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from pipelines.errors import InputError
from serving.protocol.stubs import prediction_log_pb2
from serving.protocol.tensors import write

_FILE = "assets.extra/tf_serving_warmup_requests"
_MAX_REQUESTS = 1000  # Serving rejects a version with more


def predict_call(
    model: str, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> prediction_log_pb2.PredictLog:
    """Return a Predict request with its expected response."""
    call = prediction_log_pb2.PredictLog()
    call.request.model_spec.name = model
    call.request.model_spec.signature_name = signature
    for name, array in inputs.items():
        write(array, call.request.inputs[name])
    for name, array in outputs.items():
        write(array, call.response.outputs[name])
    return call


def write_warmup(folder: Path, calls: Iterable[prediction_log_pb2.PredictLog]) -> None:
    """Add warm-up requests to a SavedModel.

    Servers ignore the responses in them; the infra validator compares with them.
    """
    path = folder / _FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for call in calls:
            writer.write(prediction_log_pb2.PredictionLog(predict_log=call).SerializeToString())


def read_warmup(folder: Path) -> list[prediction_log_pb2.PredictionLog]:
    """Return the warm-up requests of a SavedModel with their responses; none if it has no such file.

    Raises:
        InputError: If the file is damaged, or holds more than 1,000 requests, the limit of TensorFlow
            Serving.
    """
    path = folder / _FILE
    if not path.exists():
        return []
    try:
        records = tf.data.TFRecordDataset(str(path)).take(_MAX_REQUESTS + 1).as_numpy_iterator()
        logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    except (tf.errors.OpError, DecodeError) as error:
        raise InputError(f"{path}: damaged warm-up requests; export the model again") from error
    if len(logs) > _MAX_REQUESTS:
        raise InputError(f"{path}: Number of warmup records exceeds the maximum ({_MAX_REQUESTS})")
    return logs
