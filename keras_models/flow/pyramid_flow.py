"""PyramidFlow: a small coarse-to-fine network of this project, made for motions below a pixel.

A siamese encoder sees both frames. From 1/16 of the resolution to 1/4, the estimate so far warps the features
of frame 2, a local correlation shows the motion that remains, and convolutions update the estimate. Then one
flow update is repeated, first on frames of half the size and then at full size: it measures the remaining
motion at every pixel (`LucasKanade`), weighs the measurements by convolutions on blocks of 4 x 4 pixels, and
updates the flow of each 2 x 2 pixels. From what the last update saw, three convolutions estimate the error.

References:
    Sun et al., "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume", CVPR 2018: the
    coarse levels. Lucas, Kanade, IJCAI 1981: the measurements. Teed, Deng, "RAFT: Recurrent All-Pairs Field
    Transforms for Optical Flow", ECCV 2020: flow updates that share their weights.
"""

import math

import keras
from keras import layers

from keras_models.flow.flow_model import UNCERTAINTY_LAYER, FlowModel, weights_of_updates
from keras_models.layers.correlation import Correlation
from keras_models.layers.flow_layers import (
    Enlarge,
    FullResolutionFlow,
    PadToMultiple,
    StopGradient,
    Warp,
    frame_inputs,
)
from keras_models.layers.pyramid_layers import (
    BilinearTable,
    DepthToSpace,
    LocalContrast,
    LucasKanade,
    SpaceToDepth,
    StructureTensor,
    UnitFeatures,
)
from pipelines.errors import InputError

NEGATIVE_SLOPE = 0.1
COARSEST = 16  # four halvings

# Level: 1/2^level of the resolution. Channels of the encoder, and of the decoder's convolutions.
_ENCODER = {2: (32, 32), 3: (48, 48), 4: (64, 64)}
_DECODER = {4: (96, 64), 3: (64, 48), 2: (48, 32)}
_RADIUS = {4: 4, 3: 3, 2: 2}  # of the correlation, places of the level: 64, 24 and 8 pixels
_COMPARED = 24  # channels that are correlated
_CARRIED = 16  # channels of a decoder that the next finer one sees
_UPDATE = (48, 32, 32)  # the last as the finest decoder's: each update continues from the one before

_UNCERTAINTY = 24  # channels

# Weights in the loss. Flow updates share the rest.
_LEVEL_WEIGHTS = {"flow4": 0.05, "flow3": 0.07, "flow2": 0.08}


def pyramid_flow(
    *, width: float = 1.0, num_coarse_flow_updates: int = 2, num_flow_updates: int = 3
) -> FlowModel:
    """Build PyramidFlow.

    Args:
        width: Factor on the number of channels of every hidden layer.
        num_coarse_flow_updates: Number of flow updates on frames of half the size, which cost a quarter and
            reach twice as far.
        num_flow_updates: Number of flow updates at full size, at least 1. All updates share their weights, so
            a network trained with few can be run with more, which takes longer and helps with motions of
            several pixels.

    Returns:
        A functional model. Inputs: `frame1`, `frame2`, float32 [B, H, W, 3] in [0, 1], any H and W. Outputs,
        all in pixels of the input: `flow`, float32 [B, H, W, 2]; `uncertainty`, float32 [B, H, W, 1], the
        end-point error to expect, above 0; and for a multi-scale loss, `flow4`,
        `flow3`, `flow2`, the estimates on 1/16, 1/8, 1/4 of the padded grid, `flow2_1`, `flow2_2` and so on
        after each coarse flow update, and on 1/2 `flow1_1`, `flow1_2` and so on after each flow update, the
        last of them `flow1`.

    Raises:
        InputError: If `num_flow_updates` is less than 1, or `num_coarse_flow_updates` less than 0.

    Examples:
        >>> network = pyramid_flow(width=0.25)
        >>> frames = np.zeros((2, 1, 96, 80, 3), np.float32)
        >>> network({"frame1": frames[0], "frame2": frames[1]})["flow"].shape
        TensorShape([1, 96, 80, 2])
    """
    if num_flow_updates < 1:
        raise InputError(f"num_flow_updates must be at least 1, but is {num_flow_updates}")
    if num_coarse_flow_updates < 0:
        raise InputError(f"num_coarse_flow_updates must be at least 0, but is {num_coarse_flow_updates}")

    def channels(count: int) -> int:
        return max(8, round(count * width / 8) * 8)  # convolutions run best on multiples of 8

    def convolve(x, name, count, kernel=3, stride=1):
        if stride > 1:  # symmetric padding: Keras' "same" shifts a strided layer by a pixel
            x = layers.ZeroPadding2D((kernel - 1) // 2, name=f"{name}_pad")(x)
        padding = "same" if stride == 1 else "valid"
        x = layers.Conv2D(
            channels(count), kernel, stride, padding, kernel_initializer="he_normal", name=name
        )(x)
        return layers.LeakyReLU(NEGATIVE_SLOPE, name=f"{name}_leaky")(x)

    def encoder():
        x = frame = keras.Input((None, None, 1), name="frame")
        x, features = SpaceToDepth(name="halved")(x), []
        for level, counts in _ENCODER.items():
            for k, count in enumerate(counts):
                x = convolve(x, f"conv{level}_{k}", count, stride=2 if k == 0 else 1)
            features.append(x)
        return keras.Model(frame, features, name="encoder")

    def decode(x, name, counts, first_kernel=3):
        x = layers.Concatenate(name=f"{name}_seen")(x)
        for k, count in enumerate(counts):
            x = convolve(x, f"{name}_conv{k}", count, first_kernel if k == 0 else 3)
        return x

    def predict(x, name, count):
        # Initial estimates near zero: faces move little.
        small = keras.initializers.RandomNormal(stddev=1e-3)
        return layers.Conv2D(count, 3, padding="same", kernel_initializer=small, name=name)(x)

    inputs, encode = frame_inputs(), encoder()
    normalized1, normalized2 = (
        LocalContrast(name=f"{name}_normalized")(PadToMultiple(COARSEST, name=f"{name}_padded")(frame))
        for name, frame in inputs.items()
    )
    encoded1, encoded2 = encode(normalized1), encode(normalized2)

    x = flow = None
    levels = {}
    for level, counts in _DECODER.items():
        name, pixels = f"level{level}", 2**level
        seen, other = encoded1[level - 2], encoded2[level - 2]
        compare = layers.Conv2D(channels(_COMPARED), 1, name=f"{name}_compare")
        unit1 = UnitFeatures(name=f"{name}_unit1")(compare(seen))
        unit2 = UnitFeatures(name=f"{name}_unit2")(compare(other))
        parts = [seen]
        if flow is not None:
            flow = Enlarge(name=f"{name}_flow")(flow)
            unit2 = Warp(pixels, name=f"{name}_warp")((unit2, flow))
            carried = Enlarge(name=f"{name}_carried")(convolve(x, f"{name}_carry", _CARRIED, 1))
            parts += [carried, layers.Rescaling(1 / pixels, name=f"{name}_places")(flow)]
        cost = Correlation(_RADIUS[level], name=f"{name}_correlation")((unit1, unit2))
        x = decode([cost, *parts], name, counts, first_kernel=3 if level > 2 else 1)
        step = predict(x, f"predict_{name}", 2)
        step = layers.Rescaling(pixels, dtype="float32", name=f"{name}_pixels")(step)
        flow = step if flow is None else layers.Add(dtype="float32", name=f"{name}_sum")([flow, step])
        levels[f"flow{level}"] = flow

    def update_block():
        state = [
            keras.Input((None, None, count))
            for count in (LucasKanade.CHANNELS + StructureTensor.CHANNELS, 8, *(2 * [channels(32)]))
        ]
        x = decode(state, "update", _UPDATE, first_kernel=1)
        return keras.Model(state, [x, predict(x, "predict_update", 8)], name="update_block")

    update = update_block()

    def update_flow(flow, normalized1, normalized2, features1, x, name, num_updates):
        """Return the flow after each update, on 1/2 of the frames' grid and in their pixels.

        Also what the last update saw, and what it added.
        """
        pixels, tensors, texture = StructureTensor(name=f"{name}_structure")(normalized1)
        table = BilinearTable(name=f"{name}_table")(normalized2)
        updated = []
        for k in range(1, num_updates + 1):
            residual, differences = LucasKanade(name=f"{name}{k}_residual")((pixels, tensors, table, flow))
            measured = layers.Concatenate(name=f"{name}{k}_measured")([residual, texture])
            current = layers.Rescaling(1 / 4, name=f"{name}{k}_places")(flow)
            current = SpaceToDepth(name=f"{name}{k}_current")(current)
            x, step = update([measured, current, features1, x])
            moved = DepthToSpace(name=f"{name}{k}_pixels")(step)
            flow = layers.Add(dtype="float32", name=f"{name}{k}_sum")([flow, moved])
            updated.append(flow)
        return updated, [x, current, step, differences, measured, features1]

    state = normalized1, normalized2, encoded1[0], x
    if num_coarse_flow_updates:
        halve = layers.AveragePooling2D(2, dtype="float32", name="coarse")
        initial = layers.Rescaling(1 / 2, dtype="float32", name="coarse_flow")(flow)
        updates, _ = update_flow(initial, *map(halve, state), "coarse", num_coarse_flow_updates)
        for k, coarse in enumerate(updates, 1):
            flow = layers.Rescaling(2, dtype="float32", name=f"coarse{k}_flow")(coarse)
            levels[f"flow2_{k}"] = flow
    updates, seen = update_flow(Enlarge(name="initial_flow")(flow), *state, "update", num_flow_updates)
    levels |= {f"flow1_{k}": flow for k, flow in enumerate(updates[:-1], 1)} | {"flow1": updates[-1]}

    outputs = {
        name: layers.Activation("linear", dtype="float32", name=name)(flow) for name, flow in levels.items()
    }
    outputs["flow"] = FullResolutionFlow(COARSEST, name="flow")((outputs["flow1"], *inputs.values()))

    # It learns from the last update, and that does not learn from it: the flow is as good as without.
    x = StopGradient(name="detached")(layers.Concatenate(name="uncertainty_seen")(seen))
    x = convolve(x, "uncertainty_seen0", _UNCERTAINTY, kernel=1)
    x = convolve(x, "uncertainty_seen1", _UNCERTAINTY)
    x = DepthToSpace(name="uncertainty_pixels")(predict(x, UNCERTAINTY_LAYER, 4))
    farthest = math.log(COARSEST * _RADIUS[4])  # px, that the correlation finds
    x = FullResolutionFlow(COARSEST, farthest, name="log_uncertainty")((x, *inputs.values()))
    outputs["uncertainty"] = layers.Activation("exponential", dtype="float32", name="uncertainty")(x)

    weights = weights_of_updates(_LEVEL_WEIGHTS, num_coarse_flow_updates, num_flow_updates)
    return FlowModel(inputs, outputs, level_weights=weights, name="pyramid_flow")
