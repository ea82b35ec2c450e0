"""The flow networks by name."""

from collections.abc import Callable

import keras

from keras_models.flownet_s import flownet_s
from pipelines.errors import InputError

NETWORKS: dict[str, Callable[..., keras.Model]] = {"flownet_s": flownet_s}


def build_network(name: str, **arguments) -> keras.Model:
    """Build a flow network with fresh weights.

    Args:
        name: a key of `NETWORKS`.
        **arguments: of that network's function, for instance `width`.

    Raises:
        InputError: for an unknown name.
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}; there are: {', '.join(NETWORKS)}")
    return NETWORKS[name](**arguments)
