"""Requests that a version of a model carries with it, to be run once before it answers anybody.

The first run of a graph is many times slower than the later ones. TensorFlow Serving replays the requests
in `assets.extra/tf_serving_warmup_requests`, a TFRecord file of `PredictionLog` messages, and so does our
server.
"""

from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from pipelines.errors import InputError
from serving.stubs import predict_pb2, prediction_log_pb2

_FILE = "assets.extra/tf_serving_warmup_requests"
_MAX_REQUESTS = 1000  # Serving refuses a version with more


def write_warmup(
    folder: Path, calls: Iterable[tuple[predict_pb2.PredictRequest, predict_pb2.PredictResponse]]
) -> None:
    """Add warm-up requests to a SavedModel, and the answers that are right.

    Servers do not look at the answers; the deployment gate does (`serving.push`).
    """
    path = folder / _FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request, response in calls:
            call = prediction_log_pb2.PredictLog(request=request, response=response)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=call).SerializeToString())


def read_warmup(folder: Path) -> list[prediction_log_pb2.PredictLog]:
    """Return the warm-up requests of a SavedModel with their answers; none if it has no such file.

    Raises:
        InputError: if the file is damaged.
    """
    path = folder / _FILE
    if not path.exists():
        return []
    try:
        records = tf.data.TFRecordDataset(str(path)).take(_MAX_REQUESTS).as_numpy_iterator()
        logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    except (tf.errors.OpError, DecodeError) as error:
        raise InputError(f"{path}: damaged warm-up requests; export the model again") from error
    return [log.predict_log for log in logs if log.HasField("predict_log")]
