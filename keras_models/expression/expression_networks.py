"""The networks that classify expressions, by name."""

from collections.abc import Callable

import keras

from keras_models.expression.mirror_net import mirror_net
from keras_models.expression.ststnet import ststnet
from pipelines.errors import InputError

CLASSIFIERS: dict[str, Callable[..., keras.Model]] = {"mirror_net": mirror_net, "ststnet": ststnet}


def build_classifier(name: str, **arguments) -> keras.Model:
    """Build a classifier with fresh weights.

    All take `features`, float32 [B, 28, 28, 3], and give logits, float32 [B, copies, classes].

    Args:
        name: a key of `CLASSIFIERS`.
        **arguments: of its function, such as `copies`.

    Raises:
        InputError: for an unknown name.
    """
    if name not in CLASSIFIERS:
        raise InputError(f"unknown classifier {name!r}; there are: {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[name](**arguments)
