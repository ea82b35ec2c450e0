"""Export of a Keras model as ONNX files, accepted only if ONNX Runtime gives the same flow."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import keras
import numpy as np
import onnx
import tensorflow as tf

from keras_models.layers.block_lucas_kanade import portable_operations
from pipelines.errors import InputError
from pipelines.files import replacing
from serving.export.flow_signatures import FACE_FLOW, FLOAT_SIGNATURE, FRAMES_SIGNATURE, write_flow_model
from serving.export.onnx_graphs import name_axes, order_inputs, weights_as_float16, with_one_input

#: Largest allowed difference between the flow of ONNX Runtime and of TensorFlow, pixels.
TOLERANCE = 1e-3

#: The same with weights in half precision.
FP16_TOLERANCE = 1e-2

#: (batch, height, width): two batch sizes and two image sizes, to detect a size that became a constant.
TRIALS = ((1, 64, 96), (2, 127, 75))
_OPSET = "17"  # tf2onnx 1.17 goes up to 18


def export_onnx(model: keras.Model, folder: Path | str, fp16: bool = False) -> tuple[Path, Path]:
    """Write a flow network as `folder/face_flow.onnx` and `folder/face_flow_frames.onnx`.

    `face_flow.onnx` has the inputs `frame1` and `frame2`, in this order, float32 [B, H, W, 3] in [0, 1].
    `face_flow_frames.onnx` has one input `frames`, uint8 [B, 2, H, W, 3], for runtimes that may swap two
    inputs. Both take any batch size and any image size. Their output is `flow`, float32 [B, H, W, 2] in
    pixels, and that of a network that estimates its error `uncertainty` as well, float32 [B, H, W, 1].

    Args:
        model: Flow network, as for `serving.export.saved_model.export_flow`.
        folder: Folder to write to; created if needed.
        fp16: Store the weights as float16, to save space. The graph computes in float32.

    Returns:
        Paths of both files.

    Raises:
        InputError: If the network cannot be converted, or ONNX Runtime differs from TensorFlow by more than
            `TOLERANCE` (`FP16_TOLERANCE` with `fp16`). Nothing is written then.
    """
    targets = tuple(Path(folder) / f"{name}.onnx" for name in (FACE_FLOW, f"{FACE_FLOW}_frames"))
    with (
        tempfile.TemporaryDirectory() as scratch,
        replacing(targets[0]) as two_inputs,
        replacing(targets[1]) as one_input,
    ):
        try:
            with portable_operations():
                write_flow_model(model, Path(scratch))
            _convert(Path(scratch), two_inputs)
            graph = onnx.load(str(two_inputs))
            order_inputs(graph, ("frame1", "frame2"))
            name_axes(graph)
            if fp16:
                weights_as_float16(graph)
            onnx.save(graph, str(two_inputs))
            onnx.save(with_one_input(graph), str(one_input))
            for file in (two_inputs, one_input):
                _compare(Path(scratch), file, FP16_TOLERANCE if fp16 else TOLERANCE)
        except _NotConvertible as error:
            raise InputError(f"{targets[0]}: not written, because {error}") from error
    return targets[0], targets[1]


class _NotConvertible(Exception):
    pass


def _convert(saved_model: Path, file: Path) -> None:
    # tf2onnx converts SavedModels best, but has no Python function for them; the command is the documented
    # way.
    files = ["--saved-model", saved_model, "--output", file]
    what = ["--tag", "serve", "--signature_def", FLOAT_SIGNATURE, "--opset", _OPSET]
    command = [sys.executable, "-m", "tf2onnx.convert", *map(str, files), *what]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise _NotConvertible(f"tf2onnx cannot convert the network ({done.stderr.strip().splitlines()[-1]})")


def _compare(saved_model: Path, file: Path, tolerance: float) -> None:
    import onnxruntime

    loaded = tf.saved_model.load(str(saved_model))
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise _NotConvertible(f"ONNX Runtime cannot open it ({error})") from error
    has_one_input = [node.name for node in session.get_inputs()] == ["frames"]
    signature = loaded.signatures[FRAMES_SIGNATURE if has_one_input else FLOAT_SIGNATURE]
    for shape in TRIALS:
        frames = textured_frames(shape)
        if has_one_input:
            both = np.stack(list(frames.values()), axis=1)
            frames = {"frames": np.uint8(np.round(255 * both))}
        expected = signature(**{name: tf.constant(frame) for name, frame in frames.items()})
        where = f"on frames of {shape[2]}x{shape[1]} in a batch of {shape[0]}"
        try:
            outputs = session.run(list(expected), frames)
        except Exception as error:
            raise _NotConvertible(f"ONNX Runtime fails {where} ({error})") from error
        if wrong := difference(dict(zip(expected, outputs, strict=True)), expected, tolerance, where):
            raise _NotConvertible(f"ONNX Runtime {wrong}")


def difference(
    outputs: Mapping[str, np.ndarray], expected: Mapping[str, tf.Tensor], tolerance: float, where: str
) -> str | None:
    """Return how an output differs from TensorFlow's; None if all are within the tolerance.

    Args:
        outputs: Outputs of another runtime, by name.
        expected: Outputs of TensorFlow.
        tolerance: Largest allowed difference, pixels.
        where: Description of the input.
    """
    for name, values in expected.items():
        if outputs[name].shape != tuple(values.shape):
            return f"gives {name} of the shape {outputs[name].shape} {where}"
        largest = np.abs(outputs[name] - values.numpy()).max()
        if not largest <= tolerance:  # as NaN is not
            return f"differs from TensorFlow's {name} by {largest:.3g} px {where}; {tolerance:g} is allowed"
    return None


def textured_frames(shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """Return two frames: a smooth random texture, and the same texture moved by two pixels."""
    batch, height, width = shape
    coarse = (
        np.random.default_rng(0)
        .random((batch, max(1, height // 4), max(1, width // 4), 3))
        .astype(np.float32)
    )
    frame1 = np.stack([cv2.resize(picture, (width, height)) for picture in coarse])
    return {"frame1": frame1, "frame2": np.roll(frame1, 2, axis=2)}
