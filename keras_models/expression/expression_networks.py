"""Classifiers of micro-expressions by name."""

from collections.abc import Callable

import keras

from keras_models.expression.mirror_net import mirror_net
from keras_models.expression.ststnet import ststnet
from pipelines.errors import InputError

CLASSIFIERS: dict[str, Callable[..., keras.Model]] = {"mirror_net": mirror_net, "ststnet": ststnet}


def build_classifier(name: str, **arguments) -> keras.Model:
    """Build a classifier with fresh weights.

    Args:
        name: Name of the classifier, a key of `CLASSIFIERS`.
        **arguments: Arguments of the classifier's function, such as `ensemble_size`.

    Returns:
        A model from `features`, float32 [B, 28, 28, 3], to logits, float32 [B, ensemble_size, classes].

    Raises:
        InputError: If the name is unknown.

    Examples:
        >>> build_classifier("mirror_net", ensemble_size=2).output_shape
        (None, 2, 3)
    """
    if name not in CLASSIFIERS:
        raise InputError(f"unknown classifier {name!r}; use one of: {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[name](**arguments)
