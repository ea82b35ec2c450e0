"""FlowNetS: one convolutional encoder and decoder over both frames, stacked.

References:
    Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", ICCV 2015, figure 2;
    layer by layer as in its public PyTorch version (ClementPinard/FlowNetPytorch, `models/FlowNetS.py`).
    Ilg et al., "FlowNet 2.0: Evolution of Optical Flow Estimation with Deep Networks", CVPR 2017: further
    estimates from a frame 2 that is warped back. Teed, Deng, "RAFT: Recurrent All-Pairs Field Transforms for
    Optical Flow", ECCV 2020: weights of the estimates in the loss, `GAMMA` times the next one's.
"""

from collections.abc import Callable

import tensorflow as tf
from keras import layers

from keras_models.flow.flow_model import GAMMA, FlowModel
from keras_models.flow.flownet_blocks import (
    FLOW_SCALE,
    FLOWNET_WEIGHTS,
    STAGES,
    STEM,
    centred_frames,
    decoder,
    encoder,
    flownet,
    in_pixels,
)
from keras_models.layers.flow_layers import Enlarge, Warp, frame_inputs
from pipelines.errors import InputError

# Weight in the loss of all levels of the first flow update together. Later updates share the rest.
_FIRST_UPDATE = 0.3


def flownet_s(*, width: float = 1.0, decoder_biases: bool = False, num_flow_updates: int = 1) -> FlowModel:
    """Build FlowNetS.

    Args:
        width: Factor on the number of channels of every hidden layer; 1 is the original.
        decoder_biases: Whether deconvolutions and predictions have biases. The PyTorch version has none
            (38,675,536 parameters at width 1), the Caffe original has them (38,676,506).
        num_flow_updates: Number of times the flow is estimated; 1 is the original. From the second time on,
            frame 2 is warped back by the estimate so far, both frames are enlarged by 2, and the estimate is
            updated by the motion that remains. All updates share their weights, so a network trained with one
            can be run with more. (FlowNet 2.0 has separate weights for each.)

    Returns:
        A functional model. Inputs: `frame1`, `frame2`, float32 [B, H, W, 3] in [0, 1], any H and W. Outputs,
        all in pixels of the input: `flow`, float32 [B, H, W, 2]; for a multi-scale loss, `flow2` ... `flow6`,
        the first estimates on 1/4 ... 1/64 of the padded grid; and from later updates, on 1/2 of it,
        `flow1_1`, `flow1_2` and so on, the last of them `flow1`.

    Raises:
        InputError: If `num_flow_updates` is less than 1.

    Examples:
        >>> network = flownet_s(width=0.125)
        >>> frames = np.zeros((2, 1, 96, 80, 3), np.float32)
        >>> network({"frame1": frames[0], "frame2": frames[1]})["flow"].shape
        TensorShape([1, 96, 80, 2])
    """
    if num_flow_updates < 1:
        raise InputError(f"num_flow_updates must be at least 1, but is {num_flow_updates}")
    inputs = frame_inputs()
    frames = centred_frames(inputs)
    join, encode = layers.Concatenate(name="frames"), encoder(STEM + STAGES, width)
    decode = decoder(width, decoder_biases)

    def estimate(frames) -> dict:
        return decode(encode(join(frames)))

    estimates, weights = in_pixels(estimate(frames)), FLOWNET_WEIGHTS
    if num_flow_updates > 1:
        updates = update_flow(estimate, frames, estimates["flow2"], num_flow_updates - 1)
        weights = {name: _FIRST_UPDATE * weight for name, weight in weights.items()}
        weights |= _update_weights(updates)
        estimates |= updates
    return flownet("flownet_s", inputs, estimates, weights)


def update_flow(estimate: Callable, frames: list, flow: tf.Tensor, num_flow_updates: int) -> dict:
    """Update a flow by what is estimated between frame 1 and frame 2 warped back by it.

    Args:
        estimate: Function of two frames that returns flow / `FLOW_SCALE` by level, at least level 2.
        frames: Frame 1 and frame 2, float32 [B, H, W, C].
        flow: Initial flow, float32 [B, H/4, W/4, 2], pixels of the frames.
        num_flow_updates: Number of updates.

    Returns:
        The flow after each update, float32 [B, H/2, W/2, 2], pixels of the frames: `flow1_1` and so on, the
        last one `flow1`.
    """
    enlarged1, enlarged2 = map(Enlarge(name="enlarged"), frames)
    flow, updated = Enlarge(name="initial_flow")(flow), {}
    for k in range(1, num_flow_updates + 1):
        full = Enlarge(4, name=f"update{k}_flow")(flow)
        warped2 = Warp(1 / 2, name=f"update{k}_warped")((enlarged2, full))
        # A pixel of the enlarged frames is half a pixel.
        in_pixels = layers.Rescaling(FLOW_SCALE / 2, dtype="float32", name=f"update{k}_residual")
        residual = in_pixels(estimate([enlarged1, warped2])[2])
        # The warped frame 2 shows at p + residual what frame 2 shows at p + residual + flow(p + residual).
        flow_there = Warp(2, name=f"update{k}_flow_there")((flow, residual))
        name = "flow1" if k == num_flow_updates else f"flow1_{k}"
        flow = updated[name] = layers.Add(dtype="float32", name=name)([residual, flow_there])
    return updated


def _update_weights(names: dict) -> dict[str, float]:
    powers = [GAMMA**k for k in range(len(names))][::-1]
    return {name: (1 - _FIRST_UPDATE) * n / sum(powers) for name, n in zip(names, powers, strict=True)}
