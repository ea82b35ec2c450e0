"""BlockFlow: a network of this project that keeps the convolutions on a coarse grid, for speed on a CPU.

Each place of the grid is a block of 8 x 8 pixels whose parts are channels. A siamese encoder and the expected
displacement of a local correlation give an initial flow. Then one flow update is repeated, first on frames of
half the size and then at full size: it measures the remaining motion at every pixel (`BlockLucasKanade`), and
depthwise separable convolutions weigh the measurements and update the flow of each 2 x 2 pixels. Beside the
flow, the network estimates its own end-point error.

References:
    Lucas, Kanade, IJCAI 1981: the measurements. Teed, Deng, "RAFT: Recurrent All-Pairs Field Transforms for
    Optical Flow", ECCV 2020: flow updates that share their weights. Chollet,
    "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from keras_models.flow.flow_model import UNCERTAINTY_LAYER, FlowModel, weights_of_updates
from keras_models.layers.block_flow_layers import ExpectedFlow, FinerFlow, PartsToPlaces, SplitBlocks
from keras_models.layers.block_lucas_kanade import BlockLucasKanade, BlockPixels, BlockStructureTensor
from keras_models.layers.correlation import Correlation
from keras_models.layers.flow_layers import FullResolutionFlow, StopGradient, frame_inputs
from keras_models.layers.frame_blocks import BlockContrast, FrameBlocks, HalveBlocks
from keras_models.layers.pyramid_layers import UnitFeatures
from pipelines.errors import InputError

NEGATIVE_SLOPE = 0.1
GRID = 8  # pixels on a side of a place of the grid

_ENCODER = 64  # channels
_STATE = 96
_COMPARED = 32  # channels that are correlated
_RADIUS = 4  # of the correlation, places: 32 pixels
_SEPARABLE = 2  # convolutions of the encoder, of the initial flow, and of a flow update

# Weight of the initial flow in the loss. Flow updates share the rest.
_INITIAL_WEIGHT = 0.12


@keras.saving.register_keras_serializable("faceflow")
class SplitFrames(layers.Layer):
    """Splits a batch that holds both frames: [2 B, ...] to [B, ...] of frame 1 and [B, ...] of frame 2."""

    def call(self, both: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        return tf.split(both, 2)


def block_flow(
    *, width: float = 1.0, num_coarse_flow_updates: int = 2, num_flow_updates: int = 2
) -> FlowModel:
    """Build BlockFlow.

    Args:
        width: Factor on the number of channels of every hidden layer.
        num_coarse_flow_updates: Number of flow updates on frames of half the size, at least 1.
        num_flow_updates: Number of flow updates at full size, at least 1. All updates share their weights, so
            a network trained with few can be run with more, or with fewer, which takes less time.

    Returns:
        A functional model. Inputs: `frame1`, `frame2`, float32 [B, H, W, 3] in [0, 1], any H and W. Outputs,
        all in pixels of the input: `flow`, float32 [B, H, W, 2]; `uncertainty`, float32 [B, H, W, 1], the
        end-point error to expect; and for a multi-scale loss, on 1/4 of the padded grid `flow2`, the initial
        flow, and `flow2_1`, `flow2_2` and so on after each coarse flow update, and on 1/2 `flow1_1` and so on
        after each flow update, the last of them `flow1`.

    Raises:
        InputError: If `num_flow_updates` or `num_coarse_flow_updates` is less than 1.

    Examples:
        >>> network = block_flow(width=0.25)
        >>> frames = np.zeros((2, 1, 96, 80, 3), np.float32)
        >>> network({"frame1": frames[0], "frame2": frames[1]})["uncertainty"].shape
        TensorShape([1, 96, 80, 1])
    """
    for name, count in (
        ("num_flow_updates", num_flow_updates),
        ("num_coarse_flow_updates", num_coarse_flow_updates),
    ):
        if count < 1:
            raise InputError(f"{name} must be at least 1, but is {count}")

    def channels(count: int) -> int:
        return max(8, round(count * width / 8) * 8)  # convolutions run best on multiples of 8

    state_channels = channels(_STATE)

    def linear(count, name, kernel=1, stride=1, initializer="he_normal", bias=False):
        padding = "valid" if stride > 1 else "same"
        return layers.Conv2D(
            count, kernel, stride, padding, use_bias=bias, kernel_initializer=initializer, name=name
        )

    def predict(count, name, bias=False):
        # Initial estimates near zero: faces move little.
        return linear(count, name, initializer=keras.initializers.RandomNormal(stddev=3e-4), bias=bias)

    def activate(x, name):
        return layers.LeakyReLU(NEGATIVE_SLOPE, name=f"{name}_leaky")(x)

    def separable(x, name, kernel):
        y = layers.DepthwiseConv2D(kernel, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        y = activate(linear(x.shape[-1], f"{name}_pointwise", bias=True)(y), name)
        return layers.Add(name=f"{name}_sum")([x, y])

    def repeat(x, name, kernel):
        for k in range(_SEPARABLE):
            x = separable(x, f"{name}{k}", kernel)
        return x

    inputs = frame_inputs()
    blocks = [FrameBlocks(GRID, name=f"{name}_blocks")(frame) for name, frame in inputs.items()]
    blocks = BlockContrast(name="contrast")(layers.Concatenate(axis=0, name="frames")(blocks))

    # Symmetric padding: Keras' "same" shifts a strided layer by a place.
    x = linear(channels(_ENCODER), "encoder", 3, 2, bias=True)(layers.ZeroPadding2D(1, name="pad")(blocks))
    x = repeat(activate(x, "encoder"), "encoder", 3)
    units = UnitFeatures(name="unit")(linear(channels(_COMPARED), "compare", bias=True)(x))
    blocks1, blocks2 = SplitFrames(name="split_blocks")(blocks)
    features, _ = SplitFrames(name="split_features")(x)
    units1, units2 = SplitFrames(name="split_units")(units)

    cost = Correlation(_RADIUS, name="correlation")([units1, units2])
    expected = ExpectedFlow(GRID / 2, name="expected")(cost)  # in pixels of half-size frames
    seen = {"cost": cost, "matches": expected, "seen": features}
    seen = [linear(state_channels, name, bias=name == "cost")(x) for name, x in seen.items()]
    state = repeat(activate(layers.Add(name="matched")(seen), "matched"), "initial", 5)
    step = layers.Rescaling(GRID / 2, dtype="float32", name="initial_scale")(
        predict(8, "initial_step")(state)
    )
    flow = layers.Add(dtype="float32", name="initial_flow")([expected, step])

    def update_block():
        x = state = keras.Input((None, None, state_channels))
        return keras.Model(state, repeat(x, "update", 5), name="update_block")

    update, levels = update_block(), {}

    def level(name, flow, blocks, scale):
        flow = PartsToPlaces(blocks, name=f"{name}_places")(flow)
        levels[name] = layers.Rescaling(scale, dtype="float32", name=name)(flow)

    def update_flow(flow, state, blocks1, blocks2, stride, name, num_updates):
        """Return the flow after each update, and the last state; `stride` blocks are a side of a place."""
        structure = BlockStructureTensor(stride, name=f"{name}_structure")(blocks1)
        pixels = BlockPixels(name=f"{name}_pixels")(blocks2)
        *structure, texture, parts = structure
        context = [
            linear(state_channels, f"{name}_texture", bias=True)(texture),
            linear(state_channels, f"{name}_parts", stride, stride)(parts),
            linear(state_channels, f"{name}_features")(features),
        ]
        context = layers.Add(name=f"{name}_context")(context)
        measure = BlockLucasKanade(stride, name=f"{name}_residual")
        enter = (
            linear(state_channels, f"{name}_solved"),
            linear(state_channels, f"{name}_products", stride, stride),
        )
        step = predict(flow.shape[-1], f"{name}_step")
        updated = []
        for k in range(1, num_updates + 1):
            current = flow if stride == 1 else SplitBlocks(name=f"{name}{k}_blocks")(flow)
            measured = measure([blocks1, pixels, *structure, current])
            entered = [layer(value) for layer, value in zip(enter, measured, strict=True)]
            state = layers.Add(name=f"{name}{k}_entered")([context, *entered, state])
            state = update(activate(state, f"{name}{k}"))
            flow = layers.Add(dtype="float32", name=f"{name}{k}_sum")([flow, step(state)])
            updated.append(flow)
        return updated, state

    level("flow2", flow, 1, 2)
    halves = [HalveBlocks(name=f"halve{k}")(frame) for k, frame in enumerate((blocks1, blocks2), 1)]
    updates, state = update_flow(flow, state, *halves, 1, "coarse", num_coarse_flow_updates)
    for k, coarse in enumerate(updates, 1):
        level(f"flow2_{k}", coarse, 1, 2)
    flow = FinerFlow(name="finer")(updates[-1])
    updates, state = update_flow(flow, state, blocks1, blocks2, 2, "fine", num_flow_updates)
    for k, fine in enumerate(updates, 1):
        level(f"flow1_{k}" if k < num_flow_updates else "flow1", fine, 4, 1)

    # It learns from the state, and the state does not learn from it: the flow is as good as without.
    x = linear(channels(32), "uncertainty0", 3, bias=True)(StopGradient(name="detached")(state))
    x = predict(16, UNCERTAINTY_LAYER, bias=True)(activate(x, "uncertainty0"))
    x = PartsToPlaces(4, name="uncertainty_places")(x)
    farthest = math.log(GRID * _RADIUS)  # px, that the correlation finds
    x = FullResolutionFlow(GRID, farthest, name="log_uncertainty")((x, *inputs.values()))

    outputs = levels | {
        "flow": FullResolutionFlow(GRID, name="flow")((levels["flow1"], *inputs.values())),
        "uncertainty": layers.Activation("exponential", dtype="float32", name="uncertainty")(x),
    }
    weights = weights_of_updates({"flow2": _INITIAL_WEIGHT}, num_coarse_flow_updates, num_flow_updates)
    return FlowModel(inputs, outputs, level_weights=weights, name="block_flow")
