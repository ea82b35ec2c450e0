"""A trained classifier of expressions, and the settings of its features."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from keras_models.expression.expression_networks import CLASSIFIERS, build_classifier
from keras_models.inference.estimators import files_key
from keras_models.inference.kept import kept
from keras_models.presets import Preset, load_network, preset_folder, read_preset
from pipelines.datasets.tasks import COMPOSITE, TASKS
from pipelines.errors import InputError

_log = logging.getLogger(__name__)

#: Answer where no Action Unit is present.
NO_UNIT = "no Action Unit"


@dataclass(frozen=True, eq=False)
class ExpressionClassifier:
    """A trained classifier.

    Attributes:
        network: Model from features to logits, see `CLASSIFIERS`. Of Action Units each has the same number of
            members, which follow one another and tell absent from present.
        classes: Names of the classes or Action Units, in the order of the probabilities.
        method: Flow method whose features it was trained on.
        remove_head: Whether the head's motion is removed, as `flow_features` does.
        temperature: Divisor of the logits that calibrates the probabilities (`calibration.fit_temperature`).
        is_binary: Whether each name is present or absent by itself, as Action Units are.
    """

    network: keras.Model
    classes: tuple[str, ...]
    method: str
    remove_head: bool
    temperature: float = 1.0
    is_binary: bool = False

    def probabilities(self, features: tf.Tensor) -> tf.Tensor:
        """Return the probabilities of the classes, eagerly or in a graph.

        Args:
            features: float32 [B, 28, 28, 3], as `flow_features` returns them.

        Returns:
            float32 [B, classes]; the sum of each row is 1, except for Action Units.
        """
        logits = self.network(features, training=False) / self.temperature
        found = tf.nn.softmax(logits)
        if not self.is_binary:
            return tf.reduce_mean(found, axis=1)
        members = self.network.output_shape[1] // len(self.classes)
        return tf.reduce_mean(tf.reshape(found[..., 1], [-1, len(self.classes), members]), axis=2)


def predicted_label(probabilities: Mapping[str, float], is_binary: bool = False) -> str:
    """Return the most probable class, or the Action Units that are more likely present than absent.

    Args:
        probabilities: Probability of each class or Action Unit by name.
        is_binary: Whether the names are of Action Units.

    Examples:
        >>> predicted_label({"negative": 0.7, "positive": 0.2, "surprise": 0.1})
        'negative'
        >>> predicted_label({"AU1": 0.9, "AU4": 0.2, "AU2": 0.6}, is_binary=True)
        'AU1+AU2'
    """
    if not is_binary:
        return max(probabilities, key=probabilities.get)
    return "+".join(name for name, value in probabilities.items() if value >= 0.5) or NO_UNIT


def read_classifier(preset: Path | str) -> Preset:
    """Read the metadata of a trained classifier.

    Raises:
        InputError: If there is no such preset, it is damaged, or it is a flow network.
    """
    about = read_preset(preset)
    if about.network.get("name") not in CLASSIFIERS:
        raise InputError(f"{preset_folder(preset)}: holds a flow network, not a classifier of expressions")
    return about


@kept
def open_classifier(preset: Path | str) -> ExpressionClassifier:
    """Open a trained classifier. The last four are kept in memory until their files change.

    Args:
        preset: Name of a preset that comes with FaceFlow, or folder of a run of `faceflow train expression`.

    Raises:
        InputError: If there is no such preset, it is damaged, or it is a flow network. A warning is logged if
            the flow network of its features has other weights than in its training.

    Examples:
        >>> open_classifier("expression").classes
        ('negative', 'positive', 'surprise')
    """
    about = read_classifier(preset)
    try:
        recipe = tuple(about.recipe["classes"]), about.recipe["method"], about.recipe["remove_head"]
    except KeyError as error:
        raise InputError(f"{preset_folder(preset)}: its recipe lacks {error}; train it again") from error
    method, trained_on = about.recipe["method"], about.recipe.get("method_key")
    if trained_on and files_key(method) != trained_on:
        _log.warning(
            "%s: was trained on the flow of %s, whose weights have changed since; train it again",
            preset_folder(preset), method,
        )  # fmt: skip
    temperature = float(about.recipe.get("temperature", 1.0))
    task = TASKS.get(about.recipe.get("task", COMPOSITE))
    is_binary = task is not None and task.is_binary
    return ExpressionClassifier(load_network(preset, build_classifier), *recipe, temperature, is_binary)
