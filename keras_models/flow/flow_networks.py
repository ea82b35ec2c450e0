"""The flow networks by name."""

import inspect
from collections.abc import Callable

import keras

from keras_models.flow.face_flownet import face_flownet
from keras_models.flow.flownet_c import flownet_c
from keras_models.flow.flownet_s import flownet_s
from keras_models.flow.pyramid_flow import pyramid_flow
from pipelines.errors import InputError

NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "flownet_s": flownet_s,
    "flownet_c": flownet_c,
    "face_flownet": face_flownet,
    "pyramid_flow": pyramid_flow,
}


def build_network(name: str, **arguments) -> keras.Model:
    """Build a flow network with fresh weights.

    Every network takes `frame1` and `frame2`, float32 [B, H, W, 3] in [0, 1] of any size, and gives `flow`,
    float32 [B, H, W, 2] in pixels, and the earlier estimates `flowK` or `flowK_N` on 1/2^K of the padded
    grid; its attribute `level_weights` says how much each of those counts in the loss.

    Args:
        name: a key of `NETWORKS`.
        **arguments: of that network's function, for instance `width`.

    Raises:
        InputError: for an unknown name, or an argument that the network does not have.
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}; there are: {', '.join(NETWORKS)}")
    unknown = arguments.keys() - inspect.signature(NETWORKS[name]).parameters.keys()
    if unknown:
        raise InputError(f"{name} has no {', '.join(sorted(unknown))}")
    return NETWORKS[name](**arguments)
