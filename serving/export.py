"""From a Keras model to a SavedModel that TensorFlow Serving can serve."""

import os
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from serving.model import read_meta_graph
from serving.models import versions_in
from serving.predict import DEFAULT_SIGNATURE
from serving.stubs import predict_pb2
from serving.tensors import to_proto
from serving.warmup import write_warmup

FACE_FLOW = "face_flow"

#: The signature for frames in [0, 1]. A signature has one type, so that it cannot be the default one too.
FLOAT_SIGNATURE = "serving_float32"

_WARMUP_SIZE = 64


def export_flow(model: keras.Model, folder: Path | str) -> Path:
    """Write a flow network as a new version of the served model `face_flow`.

    Signatures, both for any batch and any size from 1x1: `serving_default` takes the frames as uint8, and
    `serving_float32` as float32 in [0, 1]; inputs `frame1`, `frame2` [B, H, W, 3], output `flow` float32
    [B, H, W, 2] in pixels of the input.

    The version is the time in seconds, or one more than the latest version if that is not later. It appears
    under its name when all of it is written.

    Args:
        model: takes {"frame1", "frame2"}, float32 [B, H, W, 3] in [0, 1], and gives {"flow"}, float32
            [B, H, W, 2] in pixels.
        folder: the base folder of the server.

    Returns:
        The folder of the version, `folder/face_flow/VERSION`.

    Raises:
        InputError: if the model needs an operation that is not TensorFlow's own, or the folder cannot be
            written.
    """
    base = Path(folder) / FACE_FLOW
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=base) as scratch:
            part = Path(scratch) / "version"
            write_flow_model(model, part)
            _check_core_ops(part)
            return _publish(part, base)
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{base}: the model cannot be written there ({reason})") from error


def graph_ops(folder: Path | str) -> set[str]:
    """Return the names of all operations in a SavedModel, those of its functions included."""
    graph = read_meta_graph(Path(folder)).graph_def
    functions = (node for function in graph.library.function for node in function.node_def)
    return {node.op for node in graph.node} | {node.op for node in functions}


def write_flow_model(model: keras.Model, folder: Path) -> None:
    """Write the SavedModel that `export_flow` describes, unchecked, into a folder."""

    def frames(dtype: tf.DType) -> list[tf.TensorSpec]:
        return [tf.TensorSpec([None, None, None, 3], dtype, name) for name in ("frame1", "frame2")]

    @tf.function(input_signature=frames(tf.float32))
    def from_float(frame1, frame2):
        return {"flow": model({"frame1": frame1, "frame2": frame2}, training=False)["flow"]}

    @tf.function(input_signature=frames(tf.uint8))
    def from_uint8(frame1, frame2):
        return from_float(_as_float(frame1), _as_float(frame2))

    # Only the variables hang on the module, not the Keras model: nothing of Keras is stored, no layer that
    # could hold code, and each weight once for both signatures.
    module = tf.Module()
    module.weights = list(model.variables)
    tf.saved_model.save(
        module, str(folder), signatures={DEFAULT_SIGNATURE: from_uint8, FLOAT_SIGNATURE: from_float}
    )
    write_warmup(folder, [_warmup_request(DEFAULT_SIGNATURE, "u1"), _warmup_request(FLOAT_SIGNATURE, "f4")])


def _as_float(frame: tf.Tensor) -> tf.Tensor:
    # The same bits as NumPy's `/ 255`; a plain division TensorFlow rewrites into a product with 1/255.
    return tf.math.divide_no_nan(tf.cast(frame, tf.float32), 255.0)


def _warmup_request(signature: str, dtype: str) -> predict_pb2.PredictRequest:
    frame = to_proto(np.zeros((1, _WARMUP_SIZE, _WARMUP_SIZE, 3), dtype))
    request = predict_pb2.PredictRequest(inputs={"frame1": frame, "frame2": frame})
    request.model_spec.name = FACE_FLOW
    request.model_spec.signature_name = signature
    return request


def _check_core_ops(folder: Path) -> None:
    # Ops of other packages are registered as `Package>Op`, and the official server has none of them.
    foreign = sorted(op for op in graph_ops(folder) if ">" in op)
    if foreign:
        raise InputError(
            f"the model cannot be served: it uses {', '.join(foreign)}, which TensorFlow Serving does not "
            "have; build it with TensorFlow's own operations on the same weights"
        )


def _publish(part: Path, base: Path) -> Path:
    version = max([int(time.time()), *(number + 1 for number in versions_in(base))])
    while True:
        try:
            os.rename(part, base / str(version))
            return base / str(version)
        except OSError:
            # Somebody else's version of the same second, or a half-copied one, has the name.
            if not (base / str(version)).exists():
                raise
            version += 1
