"""A trained classifier of expressions, and the settings of its features."""

from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.expression.expression_networks import CLASSIFIERS, build_classifier
from keras_models.presets import EXPRESSION, load_network, preset_folder, read_preset
from pipelines.errors import InputError


@dataclass(frozen=True, eq=False)
class ExpressionClassifier:
    """A trained classifier.

    Attributes:
        network: Model from features to logits, see `CLASSIFIERS`.
        classes: Names of the classes, in the order of the probabilities.
        method: Flow method whose features it was trained on.
        remove_head: Whether the head's motion is removed, as `flow_features` does.
        temperature: Divisor of the logits that calibrates the probabilities (`calibration.fit_temperature`).
    """

    network: keras.Model
    classes: tuple[str, ...]
    method: str
    remove_head: bool
    temperature: float = 1.0

    def probabilities(self, features: tf.Tensor) -> tf.Tensor:
        """Return the probabilities of the classes, eagerly or in a graph.

        Args:
            features: float32 [B, 28, 28, 3], as `flow_features` returns them.

        Returns:
            float32 [B, classes]; the sum of each row is 1.
        """
        logits = self.network(features, training=False) / self.temperature
        return tf.reduce_mean(tf.nn.softmax(logits), axis=1)


def open_classifier(preset: Path | str = EXPRESSION) -> ExpressionClassifier:
    """Open a trained classifier.

    Args:
        preset: Name of a preset that comes with FaceFlow, or folder of a run of `faceflow train expression`.

    Raises:
        InputError: If there is no such preset, it is damaged, or it is a flow network.

    Examples:
        >>> open_classifier().classes
        ('negative', 'positive', 'surprise')
    """
    about = read_preset(preset)
    if about.network.get("name") not in CLASSIFIERS:
        raise InputError(f"{preset_folder(preset)}: holds a flow network, not a classifier of expressions")
    try:
        recipe = tuple(about.recipe["classes"]), about.recipe["method"], about.recipe["remove_head"]
    except KeyError as error:
        raise InputError(f"{preset_folder(preset)}: its recipe lacks {error}; train it again") from error
    temperature = float(about.recipe.get("temperature", 1.0))
    return ExpressionClassifier(load_network(preset, build_classifier), *recipe, temperature)
