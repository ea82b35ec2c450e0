"""From a Keras model to an ONNX file, accepted only if ONNX Runtime gives the same flow."""

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import replacing
from serving.export.flow_signatures import FACE_FLOW, FLOAT_SIGNATURE, write_flow_model

#: How far ONNX Runtime may be from TensorFlow anywhere, pixels.
TOLERANCE = 1e-3

# (batch, height, width): two batch sizes and two picture sizes, so that none can have become a constant.
_TRIALS = ((1, 64, 96), (2, 127, 75))
_OPSET = "17"  # tf2onnx 1.17 goes up to 18


def export_onnx(model: keras.Model, folder: Path | str) -> Path:
    """Write a flow network as `folder/face_flow.onnx`.

    Inputs `frame1`, `frame2`, float32 [B, H, W, 3] in [0, 1], any batch and any size from 1x1; output `flow`,
    float32 [B, H, W, 2] in pixels. Feed the inputs by name: their order is not kept.

    Args:
        model: as for `serving.export.saved_model.export_flow`.
        folder: where to; made if needed.

    Returns:
        The file.

    Raises:
        InputError: if the network cannot be converted, or ONNX Runtime differs from TensorFlow by more than
            `TOLERANCE`; then nothing is written.
    """
    target = Path(folder) / f"{FACE_FLOW}.onnx"
    with tempfile.TemporaryDirectory() as scratch, replacing(target) as part:
        try:
            write_flow_model(model, Path(scratch))
            _convert(Path(scratch), part)
            _compare(Path(scratch), part)
        except _NotConvertible as error:
            raise InputError(f"{target}: not written, because {error}") from error
    return target


class _NotConvertible(Exception):
    pass


def _convert(saved_model: Path, file: Path) -> None:
    # tf2onnx has no function for a SavedModel, which it converts best; this is its documented way.
    files = ["--saved-model", saved_model, "--output", file]
    what = ["--tag", "serve", "--signature_def", FLOAT_SIGNATURE, "--opset", _OPSET]
    command = [sys.executable, "-m", "tf2onnx.convert", *map(str, files), *what]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise _NotConvertible(f"tf2onnx cannot convert the network ({done.stderr.strip().splitlines()[-1]})")


def _compare(saved_model: Path, file: Path) -> None:
    import onnxruntime

    loaded = tf.saved_model.load(str(saved_model))
    signature = loaded.signatures[FLOAT_SIGNATURE]
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no class in common
        raise _NotConvertible(f"ONNX Runtime cannot open it ({error})") from error
    for shape in _TRIALS:
        frames = _frames(shape)
        expected = signature(**{name: tf.constant(frame) for name, frame in frames.items()})["flow"]
        where = f"on frames of {shape[2]}x{shape[1]} in a batch of {shape[0]}"
        try:
            (flow,) = session.run(["flow"], frames)
        except Exception as error:
            raise _NotConvertible(f"ONNX Runtime fails {where} ({error})") from error
        if flow.shape != tuple(expected.shape):
            raise _NotConvertible(f"ONNX Runtime gives a flow of the shape {flow.shape} {where}")
        difference = np.abs(flow - expected).max()
        if not difference <= TOLERANCE:  # NaN is on no side of any bound
            raise _NotConvertible(
                f"ONNX Runtime differs from TensorFlow by {difference:.3g} px {where}; "
                f"{TOLERANCE:g} is allowed"
            )


def _frames(shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Draw a soft texture, and the same moved by two pixels."""
    batch, height, width = shape
    coarse = np.random.default_rng(0).random((batch, height // 4, width // 4, 3)).astype(np.float32)
    frame1 = np.stack([cv2.resize(picture, (width, height)) for picture in coarse])
    return {"frame1": frame1, "frame2": np.roll(frame1, 2, axis=2)}
