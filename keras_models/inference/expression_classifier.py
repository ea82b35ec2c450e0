"""A trained classifier of expressions, with all that must be known to feed it."""

from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.expression.expression_networks import CLASSIFIERS, build_classifier
from keras_models.presets import EXPRESSION, load_network, preset_folder, read_preset
from pipelines.errors import InputError


@dataclass(frozen=True, eq=False)
class ExpressionClassifier:
    """A classifier.

    Attributes:
        network: from features to logits, see `CLASSIFIERS`.
        classes: names, in the order of the probabilities.
        method: of flow, on whose features it was trained.
        remove_head: whether the head's motion is taken off, as `flow_features` does.
    """

    network: keras.Model
    classes: tuple[str, ...]
    method: str
    remove_head: bool

    def probabilities(self, features: tf.Tensor) -> tf.Tensor:
        """Classify, in a graph or outside of one.

        Args:
            features: float32 [B, 28, 28, 3], as `flow_features` gives them.

        Returns:
            float32 [B, classes], each row adds up to 1.
        """
        return tf.reduce_mean(tf.nn.softmax(self.network(features, training=False)), axis=1)


def open_classifier(preset: Path | str = EXPRESSION) -> ExpressionClassifier:
    """Open a trained classifier.

    Args:
        preset: a name that comes with FaceFlow, or the folder of a run of `faceflow train expression`.

    Raises:
        InputError: if there is none, it is damaged, or it estimates flow.
    """
    about = read_preset(preset)
    if about.network.get("name") not in CLASSIFIERS:
        raise InputError(f"{preset_folder(preset)}: holds a network of flow, no classifier of expressions")
    try:
        recipe = tuple(about.recipe["classes"]), about.recipe["method"], about.recipe["remove_head"]
    except KeyError as error:
        raise InputError(
            f"{preset_folder(preset)}: its recipe does not say {error}; train it again"
        ) from error
    return ExpressionClassifier(load_network(preset, build_classifier), *recipe)
