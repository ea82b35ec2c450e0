"""FlowNetS: one convolutional hourglass over both frames, stacked.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figure 2;
    layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/FlowNetS.py`).
"""

import keras
from keras import layers

from keras_models.flow_layers import PadToMultiple, frame_inputs
from keras_models.flownet_parts import (
    COARSEST,
    FLOWNET_WEIGHTS,
    HEAD,
    MEAN_RGB,
    TAIL,
    decode,
    encode,
    flownet,
)


def flownet_s(*, width: float = 1.0, decoder_biases: bool = False) -> keras.Model:
    """Build FlowNetS.

    Args:
        width: factor on the number of channels of every hidden layer; 1 is the original.
        decoder_biases: biases in the deconvolutions and predictions. The PyTorch version has none
            (38,675,536 parameters at width 1), the Caffe original has them (38,676,506).

    Returns:
        A functional model. Inputs `frame1`, `frame2`: float32 [B, H, W, 3] in [0, 1], any H and W. Outputs:
        `flow`, float32 [B, H, W, 2], in pixels of the input; and `flow2` ... `flow6`, the estimates on
        1/4 ... 1/64 of the padded grid, also in pixels of the input, for a multi-scale loss. Its attribute
        `level_weights` has their weights in it.
    """
    inputs = frame_inputs()
    stacked = layers.Concatenate(name="frames")([inputs["frame1"], inputs["frame2"]])
    x = PadToMultiple(COARSEST, name="padded")(stacked)
    x = layers.Normalization(mean=MEAN_RGB * 2, variance=[1.0] * 6, name="centred")(x)
    encoded = encode(x, HEAD + TAIL, width)
    levels = decode(encoded, width, decoder_biases)
    return flownet("flownet_s", inputs, levels, FLOWNET_WEIGHTS)
