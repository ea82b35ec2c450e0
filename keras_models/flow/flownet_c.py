"""FlowNetC: both frames through the same first layers, then a correlation of what they found.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figure 2;
    layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/FlowNetC.py`).
"""

import keras
from keras import layers

from keras_models.flow.flownet_blocks import (
    FLOWNET_WEIGHTS,
    HEAD,
    LEAK,
    TAIL,
    centred_frames,
    convolution,
    decoder,
    encoder,
    flownet,
    in_pixels,
    scaled,
)
from keras_models.layers.correlation import Correlation
from keras_models.layers.flow_layers import frame_inputs

_RADIUS, _STRIDE = 20, 2  # 21 x 21 shifts on 1/8 of the grid
_REDIRECTED = 32  # channels of frame 1 that go round the correlation


def flownet_c(*, width: float = 1.0) -> keras.Model:
    """Build FlowNetC, without biases in the decoder, as in the PyTorch version.

    Args:
        width: factor on the number of channels of every hidden layer but the correlation's 441; 1 is the
            original.

    Returns:
        A functional model with the inputs, outputs and `level_weights` of `flownet_s`.
    """
    inputs = frame_inputs()
    first, second = map(encoder(HEAD, width), centred_frames(inputs))
    cost = Correlation(_RADIUS, _STRIDE, name="correlation")((first["conv3"], second["conv3"]))
    cost = layers.LeakyReLU(LEAK, name="correlation_leaky")(cost)
    redirected = convolution("conv_redir", scaled(_REDIRECTED, width), kernel=1)(first["conv3"])
    x = layers.Concatenate(name="joined")([redirected, cost])
    levels = decoder(width, use_bias=False)(first | encoder(TAIL, width)(x))
    return flownet("flownet_c", inputs, in_pixels(levels), FLOWNET_WEIGHTS)
