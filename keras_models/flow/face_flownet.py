"""FaceFlowNet: the network of the paper that this project follows, with flow up to half resolution.

References:
    Alkaddour, Tariq, Dhall, "Self-Supervised Approach for Facial Movement Based Optical Flow", IEEE Trans.
    Affective Computing 13(4), 2022. Its published code calls the network FlowNetS; it is FlowNetC without the
    correlation, with a decoder that mixes channels by 1x1 convolutions and goes one level further.
"""

from keras import layers

from keras_models.flow.flow_model import FlowModel
from keras_models.flow.flownet_blocks import (
    NEGATIVE_SLOPE,
    STAGES,
    STEM,
    centred_frames,
    convolution,
    deconvolution,
    encoder,
    flownet,
    in_pixels,
    prediction,
    scaled,
)
from keras_models.layers.flow_layers import frame_inputs
from keras_models.losses.loss_mixes import paper_weights

_REDIRECTED = 32
# (level, channels of its deconvolution, the encoder's layer joined there, channels after mixing).
_DECODER = (
    (5, 512, "conv5_1", 1024),
    (4, 512, "conv4_1", 1024),
    (3, 256, "conv3_1", 512),
    (2, 128, "conv2", None),
    (1, 64, "conv1", None),
)


def face_flownet(*, width: float = 1.0) -> FlowModel:
    """Build FaceFlowNet.

    The paper's code has ReLU after conv6_1 and the 1x1 convolutions; here every activation is LeakyReLU(0.1).

    Args:
        width: Factor on the number of channels of every hidden layer; 1 is the original.

    Returns:
        A functional model with the inputs and outputs of `flownet_s`, and one more level: `flow1`, on half of
        the padded grid.

    Examples:
        >>> "flow1" in face_flownet(width=0.125).output
        True
    """
    inputs = frame_inputs()
    first, second = map(encoder(STEM, width), centred_frames(inputs))
    redirected = convolution("conv_redir", scaled(_REDIRECTED, width), kernel=1)(first["conv3"])
    x = layers.Concatenate(name="joined")([redirected, first["conv3"], second["conv3"]])
    encoded = first | encoder(STAGES, width)(x)

    x = encoded["conv6_1"]
    flow = prediction(6, use_bias=True)(x)
    levels = {6: flow}
    for level, count, skip, mixed in _DECODER:
        carried = layers.UpSampling2D(interpolation="bilinear", name=f"flow{level + 1}_to_{level}")(flow)
        x = deconvolution(f"deconv{level}", scaled(count, width), use_bias=True)(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"deconv{level}_leaky")(x)
        x = layers.Concatenate(name=f"joined{level}")([encoded[skip], x, carried])
        if mixed:
            x = convolution(f"mixed{level}", scaled(mixed, width), kernel=1)(x)
        flow = levels[level] = prediction(level, use_bias=True)(x)
    estimates = in_pixels(levels)
    return flownet("face_flownet", inputs, estimates, paper_weights(estimates))
