"""From a Keras model to a SavedModel that TensorFlow Serving can serve."""

import datetime
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import encode_png
from serving.encoded import ENCODED_SIGNATURE
from serving.model import read_meta_graph
from serving.predict import DEFAULT_SIGNATURE
from serving.publishing import publish, scratch_folder
from serving.stubs import predict_pb2
from serving.tensors import to_proto
from serving.warmup import write_warmup

FACE_FLOW = "face_flow"

#: The signature for frames in [0, 1]. A signature has one type, so that it cannot be the default one too.
FLOAT_SIGNATURE = "serving_float32"

#: What is known about a version, inside its folder.
MANIFEST = "assets.extra/manifest.json"

_WARMUP_SIZE = 64


def export_flow(model: keras.Model, folder: Path | str, about: Mapping[str, object] | None = None) -> Path:
    """Write a flow network as a new version of the served model `face_flow`.

    Signatures, for any batch and any size from 1x1: `serving_default` takes the frames as uint8,
    `serving_float32` as float32 in [0, 1]; inputs `frame1`, `frame2` [B, H, W, 3]. `encoded` takes them as
    JPEG or PNG files, strings [B]. Output `flow` float32 [B, H, W, 2] in pixels of the input.

    The version is the time in seconds, or one more than the latest version if that is not later. It appears
    under its name when all of it is written.

    Args:
        model: takes {"frame1", "frame2"}, float32 [B, H, W, 3] in [0, 1], and gives {"flow"}, float32
            [B, H, W, 2] in pixels.
        folder: the base folder of the server.
        about: what is known about the network, for the manifest in the version's folder.

    Returns:
        The folder of the version, `folder/face_flow/VERSION`.

    Raises:
        InputError: if the model needs an operation that is not TensorFlow's own, or the folder cannot be
            written.
    """
    with unpublished_flow(model, folder, about) as part:
        return publish(part, Path(folder) / FACE_FLOW)


@contextmanager
def unpublished_flow(
    model: keras.Model, folder: Path | str, about: Mapping[str, object] | None = None
) -> Iterator[Path]:
    """Write what `export_flow` writes under a hidden name, which is gone afterwards unless it was published.

    Yields the folder; arguments and errors are those of `export_flow`.
    """
    base = Path(folder) / FACE_FLOW
    with ExitStack() as stack:
        try:
            base.mkdir(parents=True, exist_ok=True)
            part = stack.enter_context(scratch_folder(base)) / "version"
            write_flow_model(model, part)
            (part / MANIFEST).write_text(json.dumps(_manifest(about or {}), indent=1, default=str))
            _check_core_ops(part)
        except (OSError, tf.errors.OpError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"{base}: the model cannot be written there ({reason})") from error
        yield part


def graph_ops(folder: Path | str) -> set[str]:
    """Return the names of all operations in a SavedModel, those of its functions included."""
    graph = read_meta_graph(Path(folder)).graph_def
    functions = (node for function in graph.library.function for node in function.node_def)
    return {node.op for node in graph.node} | {node.op for node in functions}


def write_flow_model(model: keras.Model, folder: Path) -> None:
    """Write the SavedModel that `export_flow` describes, unchecked, into a folder."""

    def frames(shape: list[int | None], dtype: tf.DType) -> list[tf.TensorSpec]:
        return [tf.TensorSpec(shape, dtype, name) for name in ("frame1", "frame2")]

    @tf.function(input_signature=frames([None, None, None, 3], tf.float32))
    def from_float(frame1, frame2):
        return {"flow": model({"frame1": frame1, "frame2": frame2}, training=False)["flow"]}

    @tf.function(input_signature=frames([None, None, None, 3], tf.uint8))
    def from_uint8(frame1, frame2):
        return from_float(_as_float(frame1), _as_float(frame2))

    @tf.function(input_signature=frames([None], tf.string))
    def from_files(frame1, frame2):
        return from_uint8(_decoded(frame1), _decoded(frame2))

    # Only the variables hang on the module, not the Keras model: nothing of Keras is stored, no layer that
    # could hold code, and each weight once for all signatures.
    module = tf.Module()
    module.weights = list(model.variables)
    signatures = {
        DEFAULT_SIGNATURE: from_uint8,
        FLOAT_SIGNATURE: from_float,
        ENCODED_SIGNATURE: from_files,
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    write_warmup(folder, _warmup_calls(model))


def _as_float(frame: tf.Tensor) -> tf.Tensor:
    # The same bits as NumPy's `/ 255`; a plain division TensorFlow rewrites into a product with 1/255.
    return tf.math.divide_no_nan(tf.cast(frame, tf.float32), 255.0)


def _decoded(files: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(
        lambda file: tf.io.decode_image(file, channels=3, expand_animations=False),
        files,
        fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
    )


def _warmup_calls(
    model: keras.Model,
) -> list[tuple[predict_pb2.PredictRequest, predict_pb2.PredictResponse]]:
    """Return a request for each signature, with what the network itself makes of it."""
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, _WARMUP_SIZE, _WARMUP_SIZE, 3), np.uint8)
    floats = np.float32(frames) / 255
    files = [np.array([encode_png(frame[0])], object) for frame in frames]
    flow = model({"frame1": floats[0], "frame2": floats[1]}, training=False)["flow"].numpy()
    response = predict_pb2.PredictResponse(outputs={"flow": to_proto(flow)})
    calls = []
    for signature, given in (
        (DEFAULT_SIGNATURE, frames),
        (FLOAT_SIGNATURE, floats),
        (ENCODED_SIGNATURE, files),
    ):
        inputs = {f"frame{number}": to_proto(frame) for number, frame in enumerate(given, 1)}
        request = predict_pb2.PredictRequest(inputs=inputs)
        request.model_spec.name = FACE_FLOW
        request.model_spec.signature_name = signature
        calls.append((request, response))
    return calls


def _manifest(about: Mapping[str, object]) -> dict:
    return {
        **about,
        "commit": _commit(),
        "exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "tensorflow": tf.__version__,
    }


def _commit() -> str | None:
    """Return the commit of the project's code, if it runs from a checkout."""
    project = Path(__file__).resolve().parents[1]
    if not (project / ".git").exists():
        return None
    command = ["git", "-C", str(project), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _check_core_ops(folder: Path) -> None:
    # Ops of other packages are registered as `Package>Op`, and the official server has none of them.
    foreign = sorted(op for op in graph_ops(folder) if ">" in op)
    if foreign:
        raise InputError(
            f"the model cannot be served: it uses {', '.join(foreign)}, which TensorFlow Serving does not "
            "have; build it with TensorFlow's own operations on the same weights"
        )
