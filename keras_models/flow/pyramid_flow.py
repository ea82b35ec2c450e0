"""PyramidFlow: our own small coarse-to-fine network, made for motions below a pixel.

Both frames go through the same encoder. From 1/16 of the resolution to 1/4, the estimate so far warps frame
2's features, a local correlation shows what is left, and convolutions correct the estimate. Then the same
step is repeated, on pictures of half the size and then of full size: it measures what is left at every pixel
(`LucasKanade`), decides by convolutions on blocks of 4 x 4 pixels what to believe, and corrects the estimate
at each 2 x 2 of them.

References:
    Sun et al., "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume", CVPR 2018: the
    coarse part. Lucas, Kanade, IJCAI 1981: the fine part. Teed, Deng, "RAFT: Recurrent All-Pairs Field
    Transforms for Optical Flow", ECCV 2020: one step repeated, with the same weights.
"""

from types import MappingProxyType

import keras
from keras import layers

from keras_models.layers.correlation import Correlation
from keras_models.layers.flow_layers import Enlarge, FullResolutionFlow, PadToMultiple, Warp, frame_inputs
from keras_models.layers.pyramid_layers import (
    BilinearTable,
    DepthToSpace,
    LocalContrast,
    LucasKanade,
    SpaceToDepth,
    StructureTensor,
    UnitFeatures,
)

LEAK = 0.1
COARSEST = 16  # four halvings

# Level: 1/2^level of the resolution. Channels of the encoder, and of the decoder's convolutions.
_ENCODER = {2: (32, 32), 3: (48, 48), 4: (64, 64)}
_DECODER = {4: (96, 64), 3: (64, 48), 2: (48, 32)}
_RADIUS = {4: 4, 3: 3, 2: 2}  # of the correlation, places of the level: 64, 24 and 8 pixels
_COMPARED = 24  # channels that are correlated
_CARRIED = 16  # channels of a decoder that the next finer one sees
_REFINER = (48, 32, 32)  # the last as the finest decoder's: each step goes on from the one before

# Of each level's error in the loss. Refinements share the rest, each counting more than the one before.
_LEVEL_WEIGHTS = {"flow4": 0.05, "flow3": 0.07, "flow2": 0.08}
_FADING = 0.6


def pyramid_flow(*, width: float = 1.0, coarse_refinements: int = 2, refinements: int = 3) -> keras.Model:
    """Build the network.

    Args:
        width: factor on the number of channels of every hidden layer.
        coarse_refinements: how often the last step is taken on pictures of half the size, which costs a
            quarter and reaches twice as far.
        refinements: how often it is taken on the pictures as they are, at least once. Weights depend on
            neither: what is trained with few may answer with more, which costs time and gains on motions of
            some pixels.

    Returns:
        A functional model. Inputs `frame1`, `frame2`: float32 [B, H, W, 3] in [0, 1], any H and W. Outputs:
        `flow`, float32 [B, H, W, 2], in pixels of the input; and for a multi-scale loss, also in pixels of
        the input, `flow4`, `flow3`, `flow2`, the estimates on 1/16, 1/8, 1/4 of the padded grid, `flow2_1`,
        `flow2_2` and so on after each coarse refinement, and on 1/2 `flow1_1`, `flow1_2` and so on after each
        refinement but the last, `flow1` after that. Its attribute `level_weights` has their weights in it.
    """

    def channels(count: int) -> int:
        return max(8, round(count * width / 8) * 8)  # convolutions run best on multiples of 8

    def convolve(x, name, count, kernel=3, stride=1):
        if stride > 1:  # on both sides alike: Keras' "same" shifts a strided layer by a pixel
            x = layers.ZeroPadding2D((kernel - 1) // 2, name=f"{name}_pad")(x)
        padding = "same" if stride == 1 else "valid"
        x = layers.Conv2D(
            channels(count), kernel, stride, padding, kernel_initializer="he_normal", name=name
        )(x)
        return layers.LeakyReLU(LEAK, name=f"{name}_leaky")(x)

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
        # Starting near zero flow: faces move little.
        start = keras.initializers.RandomNormal(stddev=1e-3)
        return layers.Conv2D(count, 3, padding="same", kernel_initializer=start, name=f"predict_{name}")(x)

    inputs, encode = frame_inputs(), encoder()
    even1, even2 = (
        LocalContrast(name=f"{name}_even")(PadToMultiple(COARSEST, name=f"{name}_padded")(frame))
        for name, frame in inputs.items()
    )
    encoded1, encoded2 = encode(even1), encode(even2)

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
        step = layers.Rescaling(pixels, dtype="float32", name=f"{name}_pixels")(predict(x, name, 2))
        flow = step if flow is None else layers.Add(dtype="float32", name=f"{name}_sum")([flow, step])
        levels[f"flow{level}"] = flow

    def refiner():
        state = [
            keras.Input((None, None, count))
            for count in (LucasKanade.CHANNELS + StructureTensor.CHANNELS, 8, *(2 * [channels(32)]))
        ]
        x = decode(state, "refiner", _REFINER, first_kernel=1)
        return keras.Model(state, [x, predict(x, "refiner", 8)], name="refiner")

    refine = refiner()

    def refined(flow, even1, even2, seen, x, name, times):
        """Return the flow after each step, on 1/2 of the pictures' grid and in their pixels."""
        pixels, tensors, texture = StructureTensor(name=f"{name}_structure")(even1)
        table = BilinearTable(name=f"{name}_table")(even2)
        found = []
        for k in range(1, times + 1):
            left = LucasKanade(name=f"{name}{k}_left")((pixels, tensors, table, flow))
            left = layers.Concatenate(name=f"{name}{k}_measured")([left, texture])
            now = SpaceToDepth(name=f"{name}{k}_now")(layers.Rescaling(1 / 4, name=f"{name}{k}_places")(flow))
            x, step = refine([left, now, seen, x])
            step = DepthToSpace(name=f"{name}{k}_pixels")(step)
            flow = layers.Add(dtype="float32", name=f"{name}{k}_sum")([flow, step])
            found.append(flow)
        return found

    state = even1, even2, encoded1[0], x
    if coarse_refinements:
        halved = layers.AveragePooling2D(2, dtype="float32", name="coarse")
        start = layers.Rescaling(1 / 2, dtype="float32", name="coarse_flow")(flow)
        steps = refined(start, *map(halved, state), "coarse", coarse_refinements)
        for k, step in enumerate(steps, 1):
            flow = layers.Rescaling(2, dtype="float32", name=f"coarse{k}_flow")(step)
            levels[f"flow2_{k}"] = flow
    steps = refined(Enlarge(name="refined_flow")(flow), *state, "refined", refinements)
    levels |= {f"flow1_{k}": step for k, step in enumerate(steps[:-1], 1)} | {"flow1": steps[-1]}

    outputs = {
        name: layers.Activation("linear", dtype="float32", name=name)(flow) for name, flow in levels.items()
    }
    outputs["flow"] = FullResolutionFlow(COARSEST, name="flow")((outputs["flow1"], inputs["frame1"]))
    network = keras.Model(inputs, outputs, name="pyramid_flow")
    # Read-only, because Keras would save a plain dict.
    network.level_weights = MappingProxyType(_level_weights(coarse_refinements, refinements))
    return network


def _level_weights(coarse_refinements: int, refinements: int) -> dict[str, float]:
    names = [f"flow2_{k}" for k in range(1, coarse_refinements + 1)]
    names += [*(f"flow1_{k}" for k in range(1, refinements)), "flow1"]
    counts = [_FADING ** (len(names) - k) for k in range(1, len(names) + 1)]
    rest = 1 - sum(_LEVEL_WEIGHTS.values())
    return _LEVEL_WEIGHTS | {
        name: rest * count / sum(counts) for name, count in zip(names, counts, strict=True)
    }
