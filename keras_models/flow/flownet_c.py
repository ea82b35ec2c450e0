"""FlowNetC: a siamese stem for both frames, then a correlation of their features.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figure 2;
    layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/FlowNetC.py`).
"""

from keras import layers

from keras_models.flow.flow_model import FlowModel
from keras_models.flow.flownet_blocks import (
    FLOWNET_WEIGHTS,
    NEGATIVE_SLOPE,
    STAGES,
    STEM,
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
_REDIRECTED = 32  # channels of frame 1 that bypass the correlation


def flownet_c(*, width: float = 1.0) -> FlowModel:
    """Build FlowNetC, without biases in the decoder, as in the PyTorch version.

    Args:
        width: Factor on the number of channels of every hidden layer except the correlation's 441; 1 is the
            original.

    Returns:
        A functional model with the inputs, outputs and `level_weights` of `flownet_s`.

    Examples:
        >>> flownet_c(width=0.125).get_layer("correlation").output_shape
        (None, None, None, 441)
    """
    inputs = frame_inputs()
    first, second = map(encoder(STEM, width), centred_frames(inputs))
    cost = Correlation(_RADIUS, _STRIDE, name="correlation")((first["conv3"], second["conv3"]))
    cost = layers.LeakyReLU(NEGATIVE_SLOPE, name="correlation_leaky")(cost)
    redirected = convolution("conv_redir", scaled(_REDIRECTED, width), kernel=1)(first["conv3"])
    x = layers.Concatenate(name="joined")([redirected, cost])
    levels = decoder(width, use_bias=False)(first | encoder(STAGES, width)(x))
    return flownet("flownet_c", inputs, in_pixels(levels), FLOWNET_WEIGHTS)
