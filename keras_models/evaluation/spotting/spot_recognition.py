"""Classes of the micro-expressions that were spotted, for STRS."""

from dataclasses import replace

import numpy as np

from keras_models.evaluation.spotting.evaluate_spotting import SpottingEvaluation, found_micro_expressions
from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.expression_samples import estimator
from pipelines.datasets.composite import CLASSES
from pipelines.errors import InputError
from pipelines.io.video import read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.onset_apex import aligned_pair

#: Owner's emotion -> class of the composite. CAS(ME)^2 codes the valence; CAS(ME)^3 is merged as SAMM.
MERGED = {
    "negative": "negative", "positive": "positive", "surprise": "surprise", "anger": "negative",
    "contempt": "negative", "disgust": "negative", "fear": "negative", "sadness": "negative",
    "sad": "negative", "happiness": "positive", "happy": "positive",
}  # fmt: skip


def check_classes(classifier: ExpressionClassifier) -> None:
    """Raise `InputError` unless a classifier has the three classes of the composite."""
    if set(classifier.classes) != set(CLASSES):
        raise InputError(
            f"the classifier has the classes {', '.join(classifier.classes)}; STRS needs {', '.join(CLASSES)}"
        )


def with_recognition(evaluation: SpottingEvaluation, classifier: ExpressionClassifier) -> SpottingEvaluation:
    """Classify the micro-expressions that were found, from their first frame to their apex.

    The classifier must not have seen the subjects; the presets have seen no real face.

    Args:
        evaluation: evaluation of spotting.
        classifier: classifier of the three classes of the composite.

    Returns:
        The evaluation with `labels`; expressions of other emotions, or without a face, do not count.

    Raises:
        InputError: for a classifier of other classes.
    """
    check_classes(classifier)
    estimate = estimator(classifier.method)
    labels = []
    with FaceMesh() as face_mesh:
        for result, spotted, name in found_micro_expressions(evaluation):
            expression = next(one for one in result.video.expressions if one.name == name)
            true = MERGED.get(expression.emotion or "")
            if true is None:
                continue
            files = (
                result.video.frames[spotted.first],
                result.video.frames[max(spotted.apex, spotted.first + 1)],
            )
            try:
                frames = read_frames(result.video.path, files)
                pair = aligned_pair(*frames, estimate, face_mesh, tuple(f.name for f in files))
                features = pair.features(classifier.remove_head)
            except InputError:
                continue
            probabilities = classifier.probabilities(features[None]).numpy()[0]
            labels.append((true, classifier.classes[int(np.argmax(probabilities))]))
    return replace(evaluation, labels=tuple(labels))
