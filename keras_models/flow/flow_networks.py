"""Flow networks by name."""

import inspect
from collections.abc import Callable

import tensorflow as tf

from keras_models.flow.block_flow import block_flow
from keras_models.flow.face_flownet import face_flownet
from keras_models.flow.flow_model import FlowModel
from keras_models.flow.flownet_c import flownet_c
from keras_models.flow.flownet_s import flownet_s
from keras_models.flow.pyramid_flow import pyramid_flow
from pipelines.errors import InputError

NETWORKS: dict[str, Callable[..., FlowModel]] = {
    "flownet_s": flownet_s,
    "flownet_c": flownet_c,
    "face_flownet": face_flownet,
    "pyramid_flow": pyramid_flow,
    "block_flow": block_flow,
}


def build_network(name: str, **arguments) -> FlowModel:
    """Build a flow network with fresh weights.

    Args:
        name: Name of the network, a key of `NETWORKS`.
        **arguments: Arguments of the network's function, for instance `width`.

    Returns:
        A model with the inputs `frame1` and `frame2`, float32 [B, H, W, 3] in [0, 1], of any size, and the
        outputs `flow`, float32 [B, H, W, 2] in pixels, and `flowK` or `flowK_N`, earlier estimates on 1/2^K
        of the padded grid. Its `level_weights` are the weights of those in the loss. A network that
        estimates its error has `uncertainty`, float32 [B, H, W, 1] in pixels, as well.

    Raises:
        InputError: If the name is unknown, or the network has no such argument.

    Examples:
        >>> sorted(build_network("flownet_s", width=0.125).output)
        ['flow', 'flow2', 'flow3', 'flow4', 'flow5', 'flow6']
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}; use one of: {', '.join(NETWORKS)}")
    unknown = arguments.keys() - inspect.signature(NETWORKS[name]).parameters.keys()
    if unknown:
        raise InputError(f"{name} has no {', '.join(sorted(unknown))}")
    # Like FlowModel: AutoGraph has nothing to convert.
    return tf.autograph.experimental.do_not_convert(NETWORKS[name])(**arguments)
