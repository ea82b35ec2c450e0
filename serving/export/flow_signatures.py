"""The served model `face_flow`: signatures, input checks and warm-up requests."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipelines.io.images import encode_png
from pipelines.micro_expressions.alignment import CROP
from pipelines.micro_expressions.features import flow_features
from serving.export.graph_optimisation import optimised
from serving.export.image_decoding import decode_images
from serving.repository.warmup import predict_call, write_warmup
from serving.runtime.predict import DEFAULT_SIGNATURE

FACE_FLOW = "face_flow"

#: Signature for float frames in [0, 1]. An input has one type, so the default signature cannot take these
#: too.
FLOAT_SIGNATURE = "serving_float32"

#: Signature that returns u, v and strain, the input of the classifiers, in place of the flow.
FLOW_FEATURES_SIGNATURE = "features"

#: Signature that takes both frames in one tensor, for runtimes that may swap two inputs.
FRAMES_SIGNATURE = "frames"

#: Signature that takes image files.
ENCODED_SIGNATURE = "encoded"

_FRAME_CHECKS = ("declared_shape", "not_empty", "equal_shapes")

#: Checks of the inputs, by signature (`serving.runtime.checks.CHECKS`).
FLOW_INPUT_CHECKS = {
    DEFAULT_SIGNATURE: _FRAME_CHECKS,
    FLOAT_SIGNATURE: (*_FRAME_CHECKS, "finite"),
    FRAMES_SIGNATURE: _FRAME_CHECKS,
    ENCODED_SIGNATURE: (*_FRAME_CHECKS, "image_files"),
    FLOW_FEATURES_SIGNATURE: _FRAME_CHECKS,
}

# What is served of the outputs of a network, and their channels.
_OUTPUTS = {"flow": 2, "uncertainty": 1}

_WARMUP_SIZE = 64


def write_flow_model(model: keras.Model, folder: Path) -> None:
    """Write the SavedModel that `saved_model.export_flow` describes into a folder, without checks."""

    def frames(shape: list[int | None], dtype: tf.DType) -> list[tf.TensorSpec]:
        return [tf.TensorSpec(shape, dtype, name) for name in ("frame1", "frame2")]

    @optimised
    @tf.function(input_signature=frames([None, None, None, 3], tf.float32))
    def estimate(frame1, frame2):
        return _estimates(model, frame1, frame2)

    @tf.function(input_signature=frames([None, None, None, 3], tf.float32))
    def from_float(frame1, frame2):
        return estimate(frame1, frame2)

    @tf.function(input_signature=frames([None, None, None, 3], tf.uint8))
    def from_uint8(frame1, frame2):
        return from_float(as_float(frame1), as_float(frame2))

    decode = _decoder()

    @tf.function(input_signature=frames([None], tf.string))
    def from_files(frame1, frame2):
        # Decoded together: the graph of the decoder is as large as that of a network.
        both = decode(tf.concat([frame1, frame2], 0))
        count = tf.size(frame1)
        return from_uint8(both[:count], both[count:])

    @tf.function(input_signature=[tf.TensorSpec([None, 2, None, None, 3], tf.uint8, "frames")])
    def from_pairs(frames):
        return from_uint8(frames[:, 0], frames[:, 1])

    seen_in = _features_of_flow()

    @tf.function(input_signature=frames([None, CROP, CROP, 3], tf.uint8))
    def features(frame1, frame2):
        flow = estimate(as_float(frame1), as_float(frame2))["flow"]
        return {"features": seen_in(tf.ensure_shape(flow, [None, CROP, CROP, 2]))}

    # The module has only the variables, not the Keras model. So nothing of Keras is stored, no layer that
    # could contain code, and each weight only once for all signatures.
    module = tf.Module()
    module.weights = list(model.variables)
    signatures = {
        DEFAULT_SIGNATURE: from_uint8,
        FLOAT_SIGNATURE: from_float,
        FRAMES_SIGNATURE: from_pairs,
        ENCODED_SIGNATURE: from_files,
        FLOW_FEATURES_SIGNATURE: features,
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    write_warmup(folder, _warmup_calls(model))


def _estimates(model: keras.Model, frame1: tf.Tensor, frame2: tf.Tensor) -> dict[str, tf.Tensor]:
    """Return what is served: the flow, and its expected error if the network estimates it."""
    outputs = model({"frame1": frame1, "frame2": frame2}, training=False)
    served = {}
    for name, channels in _OUTPUTS.items():
        if name in outputs:
            served[name] = tf.cast(outputs[name], tf.float32)
            served[name].set_shape([None, None, None, channels])  # TensorFlow.js cannot run `ensure_shape`
    return served


def as_float(frame: tf.Tensor) -> tf.Tensor:
    """Scale uint8 to float32 in [0, 1], with the same bits as NumPy's `/ 255`."""
    # TensorFlow rewrites a plain division into a product with 1/255.
    return tf.math.divide_no_nan(tf.cast(frame, tf.float32), 255.0)


@lru_cache(maxsize=1)  # the same for all networks, and it takes a second to trace
def _features_of_flow() -> Callable[[tf.Tensor], tf.Tensor]:
    @tf.function(input_signature=[tf.TensorSpec([None, CROP, CROP, 2], tf.float32)])
    def features(flow):
        return flow_features(flow)

    return optimised(features)


@lru_cache(maxsize=1)
def _decoder() -> Callable[[tf.Tensor], tf.Tensor]:
    return optimised(tf.function(decode_images, input_signature=[tf.TensorSpec([None], tf.string)]))


def _warmup_calls(model: keras.Model) -> list:
    """Return a request for each signature, with the response of the network itself."""

    def random_frames(size: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (2, 1, size, size, 3), np.uint8)

    def estimate(frames: np.ndarray) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in _estimates(model, *np.float32(frames) / 255).items()}

    frames, crops = random_frames(_WARMUP_SIZE), random_frames(CROP)
    files = [np.array([encode_png(frame[0])], object) for frame in frames]
    flow = estimate(frames)
    features = {"features": flow_features(estimate(crops)["flow"]).numpy()}
    both = {"frames": np.stack([frames[0], frames[1]], axis=1)}
    return [
        predict_call(FACE_FLOW, signature, {"frame1": frame1, "frame2": frame2}, answer)
        for signature, (frame1, frame2), answer in (
            (DEFAULT_SIGNATURE, frames, flow),
            (FLOAT_SIGNATURE, np.float32(frames) / 255, flow),
            (ENCODED_SIGNATURE, files, flow),
            (FLOW_FEATURES_SIGNATURE, crops, features),
        )
    ] + [predict_call(FACE_FLOW, FRAMES_SIGNATURE, both, flow)]
