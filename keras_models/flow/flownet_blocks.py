"""Building blocks of the FlowNets: encoder, decoder that predicts flow level by level, and outputs.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figures 2
    and 3; layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/`).
"""

from collections.abc import Callable

import keras
from keras import layers

from keras_models.flow.flow_model import FlowModel
from keras_models.layers.flow_layers import FullResolutionFlow, PadToMultiple

FLOW_SCALE = 20.0  # the networks predict pixels / 20 (the original's div_flow)
MEAN_RGB = (0.45, 0.432, 0.411)  # subtracted from the frames
NEGATIVE_SLOPE = 0.1
COARSEST = 64  # six halvings

# (name, channels, kernel, stride) of the encoder, which all FlowNets share: the stem, and the stages after
# the two frames are joined.
STEM = (("conv1", 64, 7, 2), ("conv2", 128, 5, 2), ("conv3", 256, 5, 2))
STAGES = (
    ("conv3_1", 256, 3, 1),
    ("conv4", 512, 3, 2),
    ("conv4_1", 512, 3, 1),
    ("conv5", 512, 3, 2),
    ("conv5_1", 512, 3, 1),
    ("conv6", 1024, 3, 2),
    ("conv6_1", 1024, 3, 1),
)
# (level, channels of its deconvolution, the encoder's layer joined there) of the decoder.
_DECODER = ((5, 512, "conv5_1"), (4, 256, "conv4_1"), (3, 128, "conv3_1"), (2, 64, "conv2"))

# Loss weights of FlowNet, finest (1/4) to coarsest (1/64), as in FlowNetPytorch's `multiscaleEPE`.
# There they multiply a *sum* over pixels, and each level has a quarter of the pixels of the one before.
_SUM_WEIGHTS = {"flow2": 0.005, "flow3": 0.01, "flow4": 0.02, "flow5": 0.08, "flow6": 0.32}


def _as_weights_of_means(weights: dict[str, float]) -> dict[str, float]:
    """Convert weights of sums over pixels to weights of means over pixels, normalised to a sum of 1."""
    scaled = {level: weight / 4**k for k, (level, weight) in enumerate(weights.items())}
    total = sum(scaled.values())
    return {level: weight / total for level, weight in scaled.items()}


#: Weights of the mean end-point error of each level. Their sum is 1, and the finest has the largest (0.44).
FLOWNET_WEIGHTS = _as_weights_of_means(_SUM_WEIGHTS)


def scaled(count: int, width: float) -> int:
    """Return `count` channels scaled by the width of a network, at least 1."""
    return max(1, round(count * width))


def convolution(name: str, count: int, kernel: int, stride: int = 1) -> Callable:
    """Return a convolution with LeakyReLU. Calls share its weights.

    The padding is symmetric, as in the original. Keras' "same" would shift a strided layer by a pixel.
    """
    pad = layers.ZeroPadding2D((kernel - 1) // 2, name=f"{name}_pad")
    convolve = layers.Conv2D(count, kernel, stride, kernel_initializer="he_normal", name=name)
    leaky = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"{name}_leaky")
    return lambda x: leaky(convolve(pad(x)))


def encoder(plan: tuple, width: float) -> Callable:
    """Return a function that applies convolutions in turn and returns the output of each, by name.

    Args:
        plan: (name, channels, kernel, stride) of each convolution.
        width: Factor on the number of channels.
    """
    convolutions = {name: convolution(name, scaled(count, width), *form) for name, count, *form in plan}

    def encode(x) -> dict:
        encoded = {}
        for name, convolve in convolutions.items():
            x = encoded[name] = convolve(x)
        return encoded

    return encode


def centred_frames(inputs: dict) -> list:
    """Pad both frames and subtract the mean colour. Returns a list of frame 1 and frame 2."""
    pad = PadToMultiple(COARSEST, name="padded")
    centre = layers.Normalization(mean=MEAN_RGB, variance=[1.0] * 3, name="centred")
    return [centre(pad(frame)) for frame in inputs.values()]


def prediction(level: int, use_bias: bool) -> layers.Layer:
    """Return the convolution from features to flow / `FLOW_SCALE`.

    Its initial weights are small, so that the first estimates are near zero. With He's initial weights,
    scaled by 20, they would be off by whole pixels, which is more than faces move.
    """
    start = keras.initializers.RandomNormal(stddev=1e-3)
    return layers.Conv2D(
        2, 3, padding="same", use_bias=use_bias, kernel_initializer=start, name=f"predict{level}"
    )


def deconvolution(name: str, count: int, use_bias: bool) -> Callable:
    """Return a transposed convolution that doubles height and width, without activation."""
    return layers.Conv2DTranspose(count, 4, 2, padding="same", use_bias=use_bias, name=name)


def decoder(width: float, use_bias: bool) -> Callable:
    """Build the decoder of FlowNetS and FlowNetC. Calls share its weights.

    Args:
        width: Factor on the number of channels.
        use_bias: Whether deconvolutions and predictions have biases.

    Returns:
        A function from the encoder's outputs, by layer name, to flow / `FLOW_SCALE`, by level from 6 to 2.
    """
    coarsest, steps = prediction(6, use_bias), []
    for level, count, skip in _DECODER:
        # The flow is carried up linearly: no activation, and no bias in either version.
        carry = deconvolution(f"flow{level + 1}_to_{level}", 2, use_bias=False)
        enlarge = deconvolution(f"deconv{level}", scaled(count, width), use_bias)
        leaky = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"deconv{level}_leaky")
        join = layers.Concatenate(name=f"joined{level}")
        steps.append((level, skip, carry, enlarge, leaky, join, prediction(level, use_bias)))

    def decode(encoded: dict) -> dict:
        x = encoded["conv6_1"]
        flow = coarsest(x)
        levels = {6: flow}
        for level, skip, carry, enlarge, leaky, join, predict in steps:
            x = join([encoded[skip], leaky(enlarge(x)), carry(flow)])
            flow = levels[level] = predict(x)
        return levels

    return decode


def in_pixels(levels: dict) -> dict:
    """Scale flow / `FLOW_SCALE`, by level, to outputs `flowK` of a network, float32, in pixels."""
    return {
        f"flow{level}": layers.Rescaling(FLOW_SCALE, dtype="float32", name=f"flow{level}")(flow)
        for level, flow in levels.items()
    }


def flownet(name: str, inputs: dict, estimates: dict, weights: dict[str, float]) -> FlowModel:
    """Make a network of its inputs and its estimates.

    Args:
        name: Name of the network.
        inputs: Inputs, as `frame_inputs` makes them.
        estimates: Estimates of the flow in pixels, by name; `flowK` is on 1/2^K of the padded grid.
        weights: Weight of each estimate in the loss, by name.

    Returns:
        A model whose outputs are the estimates and `flow`, the finest one at full resolution.
    """
    full = FullResolutionFlow(COARSEST, name="flow")((estimates[min(estimates)], *inputs.values()))
    return FlowModel(inputs, estimates | {"flow": full}, level_weights=weights, name=name)
