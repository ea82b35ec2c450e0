"""Export of a Keras model as a TF Lite file, accepted only if TF Lite's interpreter gives the same flow."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_models.layers.block_lucas_kanade import portable_operations
from pipelines import native_stderr
from pipelines.errors import InputError
from pipelines.files import replacing
from serving.export.flow_signatures import FACE_FLOW, FRAMES_SIGNATURE, write_flow_model
from serving.export.onnx_export import TOLERANCE, TRIALS, difference, textured_frames


def export_tflite(model: keras.Model, folder: Path | str) -> Path:
    """Write a flow network as `folder/face_flow.tflite`.

    The file has the signature `frames` with one input, uint8 [B, 2, H, W, 3], and the output `flow`, float32
    [B, H, W, 2] in pixels, and that of a network that estimates its error `uncertainty` as well, float32
    [B, H, W, 1]. `Interpreter.get_signature_runner` takes any size.

    Args:
        model: Flow network, as for `serving.export.saved_model.export_flow`.
        folder: Folder to write to; created if needed.

    Returns:
        Path of the file.

    Raises:
        InputError: If the network cannot be converted, or the interpreter differs from TensorFlow by more
            than `onnx_export.TOLERANCE`. Nothing is written then.
    """
    target = Path(folder) / f"{FACE_FLOW}.tflite"
    with tempfile.TemporaryDirectory() as scratch, replacing(target) as part:
        with portable_operations():
            write_flow_model(model, Path(scratch))
        converter = tf.lite.TFLiteConverter.from_saved_model(scratch, signature_keys=[FRAMES_SIGNATURE])
        try:
            with native_stderr.silenced():  # the converter lists all its operations there
                content = converter.convert()
        except Exception as error:  # the converter's exceptions have no common base class
            said = f"not written, because TF Lite cannot convert it ({_reason(error)})"
            raise InputError(f"{target}: {said}") from error
        if wrong := _first_difference(content, Path(scratch)):
            raise InputError(f"{target}: not written, because TF Lite's interpreter {wrong}")
        part.write_bytes(content)
    return target


def interpret(content: bytes, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Run a TF Lite model of `export_tflite`.

    Args:
        content: Content of the file.
        frames: Frame 1 and frame 2, uint8 [B, 2, H, W, 3].

    Returns:
        Outputs by name, such as `flow`, float32 [B, H, W, 2], pixels.
    """
    interpreter = tf.lite.Interpreter(model_content=content)
    return interpreter.get_signature_runner(FRAMES_SIGNATURE)(frames=frames)


def _reason(error: Exception) -> str:
    """Return what the converter lacks, or its first message, in one line."""
    names = {one.operator.name.removeprefix("tf.") for one in getattr(error, "errors", [])} - {""}
    if names:
        return f"it lacks {', '.join(sorted(names))}"
    return str(error).partition("error: ")[2].partition("\n")[0] or str(error).partition("\n")[0]


def _first_difference(content: bytes, saved_model: Path) -> str | None:
    loaded = tf.saved_model.load(str(saved_model))
    for shape in TRIALS:
        both = np.stack(list(textured_frames(shape).values()), axis=1)
        frames = np.uint8(np.round(255 * both))
        expected = loaded.signatures[FRAMES_SIGNATURE](frames=tf.constant(frames))
        where = f"on frames of {shape[2]}x{shape[1]} in a batch of {shape[0]}"
        try:
            outputs = interpret(content, frames)
        except (RuntimeError, ValueError) as error:
            return f"fails {where} ({error})"
        if wrong := difference(outputs, expected, TOLERANCE, where):
            return wrong
    return None
