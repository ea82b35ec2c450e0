"""Measurement of the motion that remains between two frames in block form, after Lucas and Kanade.

References:
    Lucas, Kanade, "An iterative image registration technique with an application to stereo vision", IJCAI
    1981, with damping. Baker, Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 2004: with
    frame 1's gradient alone, the products of gradients are the same at every step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import numpy as np
import tensorflow as tf

from keras_models.layers.flow_layers import Float32Layer
from keras_models.layers.frame_blocks import BLOCK, PIXELS, matmul_channels, to_pixels

WINDOWS = (1, 3, 7)  # places
PARTS = 4  # a block has 2 x 2 parts of 2 x 2 pixels
# Squared gradient per pixel, about that of noise of 3 of 255 in faint skin.
_DAMPING = 0.02
_REACH = 3.0  # pixels; the gradient is not informative about longer displacements
_MARGIN = BLOCK  # pixels around frame 2, into which displacements may lead

_portable: ContextVar[bool] = ContextVar("portable", default=False)


@contextmanager
def portable_operations() -> Iterator[None]:
    """Trace graphs without operations that converters do not know, for export to other runtimes.

    Examples:
        >>> with portable_operations():
        ...     graph = tf.function(warp_blocks).get_concrete_function(
        ...         *(tf.TensorSpec((1, None, None, 1)) for _ in range(3))
        ...     ).graph
        >>> "CropAndResize" in {operation.type for operation in graph.get_operations()}
        False
    """
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def _part_means() -> np.ndarray:
    """Matrix [16, 4] that averages the pixels of each part of a block."""
    row, column = np.divmod(np.arange(PIXELS), BLOCK)
    return np.eye(PARTS)[2 * (row // 2) + column // 2] / PARTS


def _mean_over_parts(count: int) -> np.ndarray:
    """Matrix [4 count, count] that averages the four parts of each of `count` values."""
    return np.kron(np.eye(count), np.full((PARTS, 1), 1 / PARTS))


def _gradient_kernel() -> np.ndarray:
    """Kernel [3, 3, 16, 32]: central differences along x (16) and y (16) in the middle of 3 x 3 blocks."""
    kernel = np.zeros((3, 3, PIXELS, 2 * PIXELS), np.float32)
    for pixel in range(PIXELS):
        for axis, (dy, dx) in enumerate(((0, 1), (1, 0))):
            for sign in (-1, 1):
                row, column = pixel // BLOCK + sign * dy, pixel % BLOCK + sign * dx
                inner = BLOCK * (row % BLOCK) + column % BLOCK
                kernel[1 + row // BLOCK, 1 + column // BLOCK, inner, PIXELS * axis + pixel] = sign / 2
    return kernel


def _mirrored(blocks: tf.Tensor) -> tf.Tensor:
    """Add mirrored blocks around a block form, so that the border of the frame is replicated."""
    inner = np.arange(PIXELS).reshape(BLOCK, BLOCK)
    for axis, order in ((1, inner[::-1].ravel()), (2, inner[:, ::-1].ravel())):
        ends = (blocks[:, :1], blocks[:, -1:]) if axis == 1 else (blocks[:, :, :1], blocks[:, :, -1:])
        first, last = (tf.gather(end, order, axis=-1) for end in ends)
        blocks = tf.concat([first, blocks, last], axis)
    return blocks


def _smooth(values: tf.Tensor, window: int) -> tf.Tensor:
    """Average [B, H, W, C] over a window around each place, without what lies beyond the border."""
    return values if window == 1 else tf.nn.avg_pool2d(values, window, 1, "SAME")


def _shrink(values: tf.Tensor, factor: int) -> tf.Tensor:
    return values if factor == 1 else tf.nn.avg_pool2d(values, factor, factor, "VALID")


def warp_blocks(pixels: tf.Tensor, u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """Sample a frame bilinearly at blocks of 4 x 4 pixels, each block displaced as a whole.

    Args:
        pixels: Frame with a margin of 4 pixels, float32 [B, 4 h + 8, 4 w + 8, 1].
        u: Displacement of each block along x, float32 [B, h, w, 1], pixels. Blocks do not leave the margin.
        v: Displacement along y.

    Returns:
        float32 [B, h, w, 16].
    """
    height, width = tf.unstack(tf.shape(u)[1:3])
    x = tf.cast(tf.range(width) * BLOCK + _MARGIN, tf.float32)[:, None] + u
    y = tf.cast(tf.range(height) * BLOCK + _MARGIN, tf.float32)[:, None, None] + v
    last = tf.cast(tf.stack([height, width]) * BLOCK + 2 * _MARGIN - 1, tf.float32)
    y, x = (tf.clip_by_value(z, 0.0, last[k] - BLOCK) for k, z in enumerate((y, x)))
    sample = _sample_by_gather if _portable.get() else _sample_by_crop
    return sample(pixels, x, y)


def _sample_by_crop(pixels: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Sample blocks by the one operation that does so; half the time of gathers."""
    batch, height, width = tf.unstack(tf.shape(x)[:3])
    last = tf.cast(tf.shape(pixels)[1:3] - 1, tf.float32)
    corners = tf.concat([y, x, y + (BLOCK - 1), x + (BLOCK - 1)], -1) / tf.tile(last, [2])
    frame = tf.repeat(tf.range(batch), height * width)
    found = tf.image.crop_and_resize(pixels, tf.reshape(corners, (-1, 4)), frame, (BLOCK, BLOCK))
    return tf.reshape(found, (batch, height, width, PIXELS))


def _sample_by_gather(pixels: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Sample blocks by operations that every runtime has."""
    batch, height, width = tf.unstack(tf.shape(x)[:3])
    rows, line = tf.unstack(tf.shape(pixels)[1:3])
    left, top = tf.floor(x), tf.floor(y)
    frame = tf.range(batch)[:, None, None, None] * (rows * line)
    corner = frame + tf.cast(top, tf.int32) * line + tf.cast(left, tf.int32)
    side = tf.range(BLOCK + 1)
    around = tf.reshape(corner, (-1, 1)) + tf.reshape(side[:, None] * line + side, (1, -1))
    found = tf.gather(tf.reshape(pixels, (-1,)), around)
    upper, lower = found[:, : -(BLOCK + 1)], found[:, BLOCK + 1 :]
    found = tf.reshape(upper + tf.reshape(y - top, (-1, 1)) * (lower - upper), (-1, BLOCK, BLOCK + 1))
    found = found[..., :-1] + tf.reshape(x - left, (-1, 1, 1)) * (found[..., 1:] - found[..., :-1])
    return tf.reshape(found, (batch, height, width, PIXELS))


@keras.saving.register_keras_serializable("faceflow")
class BlockStructureTensor(Float32Layer):
    """Structure tensor of frame 1 for `BlockLucasKanade`. It has no weights and no gradient.

    Args:
        stride: Number of blocks on a side of a place of the outputs' grid, 1 or 2.

    Input shape:
        Frame 1 in block form, float32 [B, h, w, 16].

    Output shape, all float32, with h' = h / stride and w' = w / stride:
        [B, h, w, 32]: gradient along x (16) and y (16).
        [B, h, w, 12]: mean products xx, xy, yy in each part of a block.
        [B, h', w', 12]: inverse of the damped tensor in each window: yy, xx (6), then -xy, -xy (6), each
        divided by the determinant.
        [B, h, w, 1]: reciprocal of the trace of the smallest window.
        [B, h', w', 9]: texture features: log xx, log yy and the correlation coefficient of x and y.
        [B, h, w, 12]: the products of the parts relative to the trace.
    """

    def __init__(self, stride: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, blocks: tf.Tensor) -> tuple[tf.Tensor, ...]:  # noqa: D102
        gradient = tf.nn.conv2d(_mirrored(tf.stop_gradient(blocks)), _gradient_kernel(), 1, "VALID")
        x, y = tf.split(gradient, 2, -1)
        parts = tf.concat([matmul_channels(z, _part_means()) for z in (x * x, x * y, y * y)], -1)
        mean = _shrink(matmul_channels(parts, _mean_over_parts(3)), self.stride)
        diagonal, coefficients, inverse, trace = [], [], ([], []), None
        for window in WINDOWS:
            xx, xy, yy = tf.split(_smooth(mean, window), 3, -1)
            xx, yy = xx + _DAMPING, yy + _DAMPING
            scale = 1 / (xx * yy - xy * xy)
            inverse[0].extend((yy * scale, xx * scale))
            inverse[1].extend(2 * (-xy * scale,))
            diagonal += xx, yy
            coefficients.append(xy * tf.math.rsqrt(xx * yy))
            trace = xx + yy if trace is None else trace
        texture = tf.concat([tf.math.log(tf.concat(diagonal, -1)), *coefficients], -1)
        scale = 1 / trace
        for axis in (1, 2) if self.stride > 1 else ():
            scale = tf.repeat(scale, self.stride, axis)
        return gradient, parts, tf.concat(inverse[0] + inverse[1], -1), scale, texture, parts * scale

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"stride": self.stride}


@keras.saving.register_keras_serializable("faceflow")
class BlockPixels(Float32Layer):
    """Pixels of a frame in block form, with a mirrored margin of 4 pixels, for `BlockLucasKanade`.

    Input shape:
        float32 [B, h, w, 16].

    Output shape:
        float32 [B, 4 h + 8, 4 w + 8, 1]. It has no gradient.
    """

    def call(self, blocks: tf.Tensor) -> tf.Tensor:  # noqa: D102
        margin = [_MARGIN, _MARGIN]
        return tf.pad(to_pixels(tf.stop_gradient(blocks)), [[0, 0], margin, margin, [0, 0]], "SYMMETRIC")


@keras.saving.register_keras_serializable("faceflow")
class BlockLucasKanade(Float32Layer):
    """Measures the motion that remains after an estimate.

    Frame 2 is sampled where the estimate leads each block, on average over the block; how the estimate varies
    within the block enters through frame 1's gradient g. The remaining displacement d satisfies g . d = r at
    every pixel, where r is the difference of the frames. The products g r are averaged over windows of three
    sizes, and d is solved for in each. The products of the blocks' parts are passed on as well, so that
    convolutions can form windows of their own. The layer has no weights and no gradient.

    Args:
        stride: As of the `BlockStructureTensor`.

    Input shape:
        [B, h, w, 16]: frame 1 in block form.
        [B, 4 h + 8, 4 w + 8, 1]: `BlockPixels` of frame 2.
        The first four outputs of frame 1's `BlockStructureTensor`.
        [B, h, w, 8]: flow in pixels: u (4) and v (4) in the parts of each block.

    Output shape:
        float32 [B, h', w', 6]: d of each window, pixels.
        float32 [B, h, w, 16]: products of each part along x (4) and y (4) relative to the trace, pixels, and
        a quarter of the flow (8).
    """

    def __init__(self, stride: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:  # noqa: D102
        blocks, pixels, gradient, parts, inverse, scale, flow = map(tf.stop_gradient, inputs)
        u, v = tf.split(flow, 2, -1)
        mean_u, mean_v = (tf.reduce_mean(z, -1, keepdims=True) for z in (u, v))
        residual = blocks - warp_blocks(pixels, mean_u, mean_v)
        x, y = (matmul_channels(z * residual, _part_means()) for z in tf.split(gradient, 2, -1))
        xx, xy, yy = tf.split(parts, 3, -1)
        u, v = u - mean_u, v - mean_v
        products = tf.concat([x - xx * u - xy * v, y - xy * u - yy * v], -1)
        mean = _shrink(matmul_channels(products, _mean_over_parts(2)), self.stride)
        means = tf.concat([_smooth(mean, window) for window in WINDOWS], -1)
        straight, crossed = tf.split(inverse, 2, -1)
        exchanged = matmul_channels(means, np.kron(np.eye(len(WINDOWS)), np.eye(2)[::-1]))
        solved = straight * means + crossed * exchanged
        return _REACH * tf.tanh(solved / _REACH), tf.concat([products * scale, flow / 4], -1)

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"stride": self.stride}
