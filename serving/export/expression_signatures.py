"""The served model `micro_expression`: signatures, input checks and warm-up requests."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_models.inference.expression_classifier import ExpressionClassifier
from pipelines.micro_expressions.alignment import CROP
from pipelines.micro_expressions.features import SIZE, flow_features
from serving.export.flow_signatures import as_float
from serving.export.graph_optimisation import optimised
from serving.repository.warmup import predict_call, write_warmup
from serving.runtime.predict import DEFAULT_SIGNATURE

MICRO_EXPRESSION = "micro_expression"

#: Signature that takes u, v and strain in place of frames.
FEATURES_SIGNATURE = "from_features"

#: Signature for Classify.
CLASSIFY_SIGNATURE = "classify"

#: Checks of the inputs, by signature (`serving.runtime.checks.CHECKS`).
EXPRESSION_INPUT_CHECKS = {
    DEFAULT_SIGNATURE: ("declared_shape", "not_empty", "equal_shapes"),
    FEATURES_SIGNATURE: ("declared_shape", "not_empty", "finite"),
}

_SHAPE = (SIZE, SIZE, 3)


def write_expression_model(classifier: ExpressionClassifier, network: keras.Model, folder: Path) -> None:
    """Write the SavedModel that `saved_model.export_expression` describes into a folder, without checks."""
    classes = tf.constant(classifier.classes)

    def labels(probabilities: tf.Tensor) -> tf.Tensor:
        return tf.repeat(classes[None], tf.shape(probabilities)[0], axis=0)

    @tf.function(input_signature=[tf.TensorSpec([None, *_SHAPE], tf.float32, "features")])
    def from_features(features):
        probabilities = classifier.probabilities(features)
        return {"probabilities": probabilities, "labels": labels(probabilities)}

    frames = [tf.TensorSpec([None, CROP, CROP, 3], tf.uint8, name) for name in ("onset", "apex")]

    @optimised
    @tf.function(input_signature=frames)
    def features_of(onset, apex):
        frames = {"frame1": as_float(onset), "frame2": as_float(apex)}
        flow = tf.ensure_shape(network(frames, training=False)["flow"], [None, CROP, CROP, 2])
        return flow_features(flow, classifier.remove_head)

    @tf.function(input_signature=frames)
    def from_frames(onset, apex):
        return from_features(features_of(onset, apex))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(inputs):
        features = tf.io.parse_example(inputs, {"features": tf.io.FixedLenFeature(_SHAPE, tf.float32)})
        # As the check `finite` of the other signatures, which cannot look into an example.
        finite = tf.debugging.check_numerics(
            features["features"], "input features has NaN or infinite values"
        )
        found = from_features(finite)
        return {"classes": found["labels"], "scores": found["probabilities"]}

    # As in `write_flow_model`: variables only, each stored once.
    module = tf.Module()
    module.weights = [*network.variables, *classifier.network.variables]
    signatures = {
        DEFAULT_SIGNATURE: from_frames,
        FEATURES_SIGNATURE: from_features,
        CLASSIFY_SIGNATURE: classify,
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    write_warmup(folder, _warmup_calls(classifier, network))


def _warmup_calls(classifier: ExpressionClassifier, network: keras.Model) -> list:
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, CROP, CROP, 3), np.uint8)
    onset, apex = np.float32(frames) / 255
    flow = network({"frame1": onset, "frame2": apex}, training=False)["flow"]
    features = flow_features(flow, classifier.remove_head)
    answer = {
        "probabilities": classifier.probabilities(features).numpy(),
        "labels": np.array([[name.encode() for name in classifier.classes]], object),
    }
    return [
        predict_call(MICRO_EXPRESSION, DEFAULT_SIGNATURE, {"onset": frames[0], "apex": frames[1]}, answer),
        predict_call(MICRO_EXPRESSION, FEATURES_SIGNATURE, {"features": features.numpy()}, answer),
    ]
