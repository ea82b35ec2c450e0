"""FlowNetS: one convolutional hourglass over both frames, stacked.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figure 2;
    layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/FlowNetS.py`).
"""

import keras
from keras import layers

from keras_models.flow_layers import FullResolutionFlow, PadToMultiple, frame_inputs

FLOW_SCALE = 20.0  # the network predicts pixels / 20 (the original's div_flow)
MEAN_RGB = (0.45, 0.432, 0.411)  # subtracted from the frames
LEAK = 0.1
COARSEST = 64  # six halvings

# (name, channels, kernel, stride) of the contracting part.
_ENCODER = (
    ("conv1", 64, 7, 2),
    ("conv2", 128, 5, 2),
    ("conv3", 256, 5, 2),
    ("conv3_1", 256, 3, 1),
    ("conv4", 512, 3, 2),
    ("conv4_1", 512, 3, 1),
    ("conv5", 512, 3, 2),
    ("conv5_1", 512, 3, 1),
    ("conv6", 1024, 3, 2),
    ("conv6_1", 1024, 3, 1),
)
# (level, channels of its deconvolution, the encoder's layer joined there) of the expanding part.
_DECODER = ((5, 512, "conv5_1"), (4, 256, "conv4_1"), (3, 128, "conv3_1"), (2, 64, "conv2"))


def flownet_s(*, width: float = 1.0, decoder_biases: bool = False) -> keras.Model:
    """Build FlowNetS.

    Args:
        width: factor on the number of channels of every hidden layer; 1 is the original.
        decoder_biases: biases in the deconvolutions and predictions. The PyTorch version has none
            (38,675,536 parameters at width 1), the Caffe original has them (38,676,506).

    Returns:
        A functional model. Inputs `frame1`, `frame2`: float32 [B, H, W, 3] in [0, 1], any H and W. Outputs:
        `flow`, float32 [B, H, W, 2], in pixels of the input; and `flow2` ... `flow6`, the estimates on
        1/4 ... 1/64 of the padded grid, also in pixels of the input, for a multi-scale loss.
    """

    def channels(count: int) -> int:
        return max(1, round(count * width))

    def convolve(x, name, count, kernel, stride):
        # Padding on both sides alike, as in the original: Keras' "same" shifts a strided layer by a pixel.
        x = layers.ZeroPadding2D((kernel - 1) // 2, name=f"{name}_pad")(x)
        x = layers.Conv2D(channels(count), kernel, stride, kernel_initializer="he_normal", name=name)(x)
        return layers.LeakyReLU(LEAK, name=f"{name}_leaky")(x)

    def predict(x, level):
        # Starting near zero flow: with the usual spread, scaled by 20, the first guesses are off by whole
        # pixels, which is more than faces move.
        start = keras.initializers.RandomNormal(stddev=1e-3)
        return layers.Conv2D(
            2, 3, padding="same", use_bias=decoder_biases, kernel_initializer=start, name=f"predict{level}"
        )(x)

    def double(x, count, name, use_bias):
        return layers.Conv2DTranspose(count, 4, 2, padding="same", use_bias=use_bias, name=name)(x)

    inputs = frame_inputs()
    stacked = layers.Concatenate(name="frames")([inputs["frame1"], inputs["frame2"]])
    x = PadToMultiple(COARSEST, name="padded")(stacked)
    x = layers.Normalization(mean=MEAN_RGB * 2, variance=[1.0] * 6, name="centred")(x)
    encoded = {}
    for name, count, kernel, stride in _ENCODER:
        x = encoded[name] = convolve(x, name, count, kernel, stride)

    flow = predict(x, 6)
    levels = {6: flow}
    for level, count, skip in _DECODER:
        # The flow is carried up linearly: no activation, and no bias in either version.
        carried = double(flow, 2, f"flow{level + 1}_to_{level}", use_bias=False)
        x = double(x, channels(count), f"deconv{level}", use_bias=decoder_biases)
        x = layers.LeakyReLU(LEAK, name=f"deconv{level}_leaky")(x)
        x = layers.Concatenate(name=f"joined{level}")([encoded[skip], x, carried])
        flow = levels[level] = predict(x, level)

    outputs = {
        f"flow{level}": layers.Rescaling(FLOW_SCALE, dtype="float32", name=f"flow{level}")(flow)
        for level, flow in levels.items()
    }
    outputs["flow"] = FullResolutionFlow(COARSEST, name="flow")((outputs["flow2"], inputs["frame1"]))
    return keras.Model(inputs, outputs, name="flownet_s")
