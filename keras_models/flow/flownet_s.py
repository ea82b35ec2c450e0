"""FlowNetS: one convolutional hourglass over both frames, stacked.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figure 2;
    layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/FlowNetS.py`).
    Ilg et al., "FlowNet 2.0: Evolution of Optical Flow Estimation with Deep Networks", CVPR 2017: to look
    again, at a frame 2 that is warped back.
"""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from keras_models.flow.flownet_blocks import (
    FLOW_SCALE,
    FLOWNET_WEIGHTS,
    HEAD,
    TAIL,
    centred_frames,
    decoder,
    encoder,
    flownet,
    in_pixels,
)
from keras_models.layers.flow_layers import Enlarge, Warp, frame_inputs
from pipelines.errors import InputError

# Of the first look's levels together in the loss. Later looks share the rest, each counting more than the one
# before.
_FIRST_LOOK = 0.3
_FADING = 0.6


def flownet_s(*, width: float = 1.0, decoder_biases: bool = False, looks: int = 1) -> keras.Model:
    """Build FlowNetS.

    Args:
        width: factor on the number of channels of every hidden layer; 1 is the original.
        decoder_biases: biases in the deconvolutions and predictions. The PyTorch version has none
            (38,675,536 parameters at width 1), the Caffe original has them (38,676,506).
        looks: how often it looks at the frames; 1 is the original. From the second look on, frame 2 is warped
            back by the estimate, and both frames are enlarged twice, which makes a motion of half a pixel one
            of a whole pixel. All looks share their weights: what is trained with one may answer with more.
            FlowNet 2.0 has weights for each.

    Returns:
        A functional model. Inputs `frame1`, `frame2`: float32 [B, H, W, 3] in [0, 1], any H and W. Outputs:
        `flow`, float32 [B, H, W, 2], in pixels of the input; and for a multi-scale loss, also in pixels of
        the input, `flow2` ... `flow6`, the estimates of the first look on 1/4 ... 1/64 of the padded grid,
        and of later looks, on 1/2 of it, `flow1_1`, `flow1_2` and so on, `flow1` the last. Its attribute
        `level_weights` has their weights in it.

    Raises:
        InputError: if `looks` is less than 1.
    """
    if looks < 1:
        raise InputError(f"looks {looks}: must be at least 1")
    inputs = frame_inputs()
    frames = centred_frames(inputs)
    join, encode = layers.Concatenate(name="frames"), encoder(HEAD + TAIL, width)
    decode = decoder(width, decoder_biases)

    def look(frames) -> dict:
        return decode(encode(join(frames)))

    estimates, weights = in_pixels(look(frames)), FLOWNET_WEIGHTS
    if looks > 1:
        later = look_again(look, frames, estimates["flow2"], looks - 1)
        weights = {name: _FIRST_LOOK * weight for name, weight in weights.items()} | _later_weights(later)
        estimates |= later
    return flownet("flownet_s", inputs, estimates, weights)


def look_again(look: Callable, frames: list, flow: tf.Tensor, times: int) -> dict:
    """Look at frames again that are warped by what is known.

    Args:
        look: from two frames to flow / `FLOW_SCALE` by level, at least 2.
        frames: frame 1 and frame 2, float32 [B, H, W, C].
        flow: the estimate so far, float32 [B, H/4, W/4, 2], pixels of the frames.
        times: how often.

    Returns:
        The estimate after each look, float32 [B, H/2, W/2, 2], pixels of the frames: `flow1_1` and so on,
        `flow1` the last.
    """
    enlarged1, enlarged2 = map(Enlarge(name="enlarged"), frames)
    flow, found = Enlarge(name="first_look")(flow), {}
    for k in range(1, times + 1):
        by = Enlarge(4, name=f"again{k}_by")(flow)
        back = Warp(1 / 2, name=f"again{k}_back")((enlarged2, by))
        # A pixel of the enlarged frames is half a pixel.
        left = layers.Rescaling(FLOW_SCALE / 2, dtype="float32", name=f"again{k}_left")(
            look([enlarged1, back])[2]
        )
        # Frame 2 as it was warped shows at p + left what it shows at p + left + flow(p + left).
        there = Warp(2, name=f"again{k}_there")((flow, left))
        name = "flow1" if k == times else f"flow1_{k}"
        flow = found[name] = layers.Add(dtype="float32", name=name)([left, there])
    return found


def _later_weights(names: dict) -> dict[str, float]:
    counts = [_FADING**k for k in range(len(names))][::-1]
    return {name: (1 - _FIRST_LOOK) * n / sum(counts) for name, n in zip(names, counts, strict=True)}
