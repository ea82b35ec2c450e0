"""Layers of the pyramid network: how it looks at two frames, and how it measures what is left to move."""

import keras
import numpy as np
import tensorflow as tf

from keras_models.layers.flow_layers import enlarge


def shrink(picture: tf.Tensor, factor: int) -> tf.Tensor:
    """Average [B, H, W, 1] over blocks to [B, H / factor, W / factor, 1]."""
    # Faster than pooling, of a single channel.
    return tf.nn.conv2d(picture, tf.fill((factor, factor, 1, 1), 1 / factor**2), factor, "VALID")


def smooth(values: tf.Tensor, window: int) -> tf.Tensor:
    """Average [B, H, W, C] over a window around each place; beyond the border nothing counts."""
    return values if window == 1 else tf.nn.avg_pool2d(values, window, 1, "SAME")


def block_means(values: tf.Tensor) -> tf.Tensor:
    """Average 2 x 2 parts of 4 x 4 blocks: [B, H, W, 16] of `space_to_depth` to [B, H, W, 4], row by row."""
    place = tf.range(16)
    part = 2 * (place // 8) + place % 4 // 2
    return tf.nn.conv2d(values, tf.one_hot(part, 4)[None, None] / 4, 1, "VALID")


def _flow_kernel() -> np.ndarray:
    """Weights by which the 4 x 4 half-resolution places around a 4 x 4 block give the flow at its pixels.

    Returns:
        float32 [4, 4, 2, 32]: 16 for u and 16 for v, row by row.
    """
    around = np.zeros((4, 4), np.float32)  # pixel, place
    for pixel in range(4):
        place = (pixel + 0.5) / 2 + 0.5  # the first place lies just before the block
        first = int(place)
        around[pixel, first : first + 2] = 1 - (place - first), place - first
    kernel = np.einsum("ir,jc->rcij", around, around).reshape(4, 4, 1, 16)
    return np.concatenate([np.pad(kernel, [(0, 0)] * 2 + [(c, 1 - c), (0, 0)]) for c in (0, 1)], -1)


def _gradient_kernel() -> np.ndarray:
    """Weights by which the 6 x 6 pixels in and around a 4 x 4 block give its values and their gradient.

    Returns:
        float32 [6, 6, 1, 48]: 16 of the values, 16 along x and 16 along y, row by row.
    """
    still, slope = np.eye(4, 6, 1, np.float32), (np.eye(4, 6, 2) - np.eye(4, 6)).astype(np.float32) / 2
    parts = [np.einsum("ir,jc->rcij", *pair) for pair in ((still, still), (still, slope), (slope, still))]
    return np.concatenate([part.reshape(6, 6, 1, 16) for part in parts], -1)


def bilinear_table(frame: tf.Tensor) -> tf.Tensor:
    """List for each pixel what bilinear values between it and its neighbours are made of.

    Args:
        frame: float32 [B, H, W, 1].

    Returns:
        float32 [B, H, W, 4]: at x to the right of a pixel and y below it, 0 <= x, y <= 1, the picture is
        a + x b + y (c + x d). Beyond the border its value goes on.
    """
    size = tf.shape(frame)
    around = tf.pad(frame, [[0, 0], [0, 1], [0, 1], [0, 0]], "SYMMETRIC")
    here, right, below, across = (
        tf.slice(around, [0, y, x, 0], size) for y, x in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    return tf.concat([here, right - here, below - here, across - right - below + here], -1)


def warp_blocks(table: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Do what `space_to_depth(warp_back(frame, enlarge(flow)), 4)` does, faster.

    Args:
        table: `bilinear_table` of the frame, float32 [B, H, W, 4], H and W multiples of 4. One look into it
            brings all that a pixel needs, where the frame itself would take four.
        flow: float32 [B, H/2, W/2, 2], pixels.

    Returns:
        float32 [B, H/4, W/4, 16].
    """
    batch, height, width = tf.unstack(tf.shape(table)[:3])
    around = tf.pad(flow, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    u, v = tf.split(tf.nn.conv2d(around, _flow_kernel(), 2, "VALID"), 2, -1)
    place = tf.range(16)
    x = u + tf.cast(tf.range(0, width, 4)[:, None] + place % 4, tf.float32)
    y = v + tf.cast(tf.range(0, height, 4)[:, None, None] + place // 4, tf.float32)
    x = tf.clip_by_value(x, 0.0, tf.cast(width - 1, tf.float32))
    y = tf.clip_by_value(y, 0.0, tf.cast(height - 1, tf.float32))
    left, top = tf.floor(x), tf.floor(y)
    corner = tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    found = tf.gather(tf.reshape(table, (batch, height * width, 4)), corner, batch_dims=1)
    a, b, c, d = tf.unstack(found, axis=-1)
    x, y = x - left, y - top
    return a + x * b + y * (c + x * d)


def trace(tensor: tf.Tensor) -> tf.Tensor:
    """Sum xx + yy of products xx, xy, yy: [B, H, W, 3] to [B, H, W, 1]."""
    return tensor[..., :1] + tensor[..., 2:]


@keras.saving.register_keras_serializable("faceflow")
class LocalContrast(keras.layers.Layer):
    """Makes a picture grey, takes its local mean off and divides by its local standard deviation.

    So that brightness and contrast may change between the frames. Colour moves with the grey, and costs.

    Input: [B, H, W, 3], H and W multiples of 4. Output: float32 [B, H, W, 1].
    """

    _GREY = (0.2989, 0.587, 0.114)
    _BLOCK, _WINDOW = 4, 3  # statistics over about 12 x 12 pixels, taken on a grid of a quarter
    _LEAST_VARIANCE = 1e-3  # a standard deviation of 8 of 255: what is smoother than that stays faint

    def call(self, picture: tf.Tensor) -> tf.Tensor:  # noqa: D102
        # As `tf.image.rgb_to_grayscale`, and faster.
        picture = tf.nn.conv2d(tf.cast(picture, tf.float32), tf.reshape(self._GREY, (1, 1, 3, 1)), 1, "VALID")
        mean = smooth(shrink(picture, self._BLOCK), self._WINDOW)
        square = smooth(shrink(tf.square(picture), self._BLOCK), self._WINDOW)
        variance = tf.nn.relu(square - tf.square(mean))
        spread = tf.math.rsqrt(enlarge(variance, self._BLOCK) + self._LEAST_VARIANCE)
        return (picture - enlarge(mean, self._BLOCK)) * spread


@keras.saving.register_keras_serializable("faceflow")
class UnitFeatures(keras.layers.Layer):
    """Centres features over the picture and gives each place's feature the length 1.

    Without it the correlation of raw features is so uneven that training does not begin.

    Input and output: [B, H, W, C]; the squares at each place add up to C, so that a mean of products over
    channels is a cosine.
    """

    def call(self, features: tf.Tensor) -> tf.Tensor:  # noqa: D102
        features = tf.cast(features, tf.float32)
        centred = features - tf.reduce_mean(features, (1, 2), keepdims=True)
        return centred * tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + 1e-6)


@keras.saving.register_keras_serializable("faceflow")
class StructureTensor(keras.layers.Layer):
    """Gradients of frame 1 and their products averaged over windows: what `LucasKanade` needs at every step.

    Nothing is learned here, and no gradient goes through.

    Pixels lie in the channels of 4 x 4 blocks, which is several times faster than products of one or two
    channels.

    Input: float32 [B, H, W, 1], H and W multiples of 4. Output, float32: the frame (16) and its gradient, x
    (16) and y (16), at the pixels of each block, [B, H/4, W/4, 48]; the products xx, xy, yy of each of three
    windows, damped, [B, H/4, W/4, 9]; and what convolutions can read of them, [B, H/4, W/4, 21]: for each
    window the logarithm of how well x and y are seen (2) and how much they depend on one another (1), then
    the products of each half-resolution place (12), relative to those around.

    References:
        Lucas, Kanade, "An iterative image registration technique with an application to stereo vision",
        IJCAI 1981, with damping.
    """

    WINDOWS = (1, 3, 7)  # places of the coarse grid: 4, 12 and 28 pixels
    CHANNELS = 3 * len(WINDOWS) + 12
    _DAMPING = (
        0.02,
        0.0,
        0.02,
    )  # squared gradient per pixel: about what noise of 3 of 255 makes in faint skin

    def call(self, frame: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:  # noqa: D102
        frame = tf.stop_gradient(tf.cast(frame, tf.float32))
        around = tf.pad(frame, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        found = tf.nn.conv2d(around, _gradient_kernel(), 4, "VALID")
        _, x, y = tf.split(found, 3, -1)
        parts = [block_means(product) for product in (x * x, x * y, y * y)]
        blocks = tf.concat([tf.reduce_mean(part, -1, keepdims=True) for part in parts], -1)
        tensors = [smooth(blocks, window) + self._DAMPING for window in self.WINDOWS]
        seen = []
        for tensor in tensors:
            xx, xy, yy = tf.split(tensor, 3, -1)
            seen += [tf.math.log(xx), tf.math.log(yy), xy * tf.math.rsqrt(xx * yy)]
        seen.append(tf.concat(parts, -1) / trace(tensors[1]))
        return found, tf.concat(tensors, -1), tf.concat(seen, -1)


@keras.saving.register_keras_serializable("faceflow")
class BilinearTable(keras.layers.Layer):
    """`bilinear_table` as a layer, without gradient. Input [B, H, W, 1], output float32 [B, H, W, 4]."""

    def call(self, frame: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return bilinear_table(tf.stop_gradient(tf.cast(frame, tf.float32)))


@keras.saving.register_keras_serializable("faceflow")
class LucasKanade(keras.layers.Layer):
    """Measures at full resolution what motion is left after an estimate, and reports on a coarser grid.

    Frame 2 is warped back by the estimate. What is left moves by d, where g . d = r at every pixel: g is the
    gradient of frame 1 and r the difference of the frames. The products g r are averaged over windows of
    three sizes, and d is solved for in each; the products themselves go on too, so that convolutions can
    make windows of their own. Convolutions on the coarse grid thus work with full-resolution evidence at a
    sixteenth of the cost. Nothing is learned here, and no gradient goes through.

    Input: (the pixels and the products of frame 1's `StructureTensor`; `BilinearTable` of frame 2,
    [B, H, W, 4], locally normalised; flow [B, H/2, W/2, 2] in pixels). Output: float32 [B, H/4, W/4, 14]: d
    of each window (6), and the products of each half-resolution place (8), in pixels.

    References:
        Baker, Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 2004: with frame 1's gradient
        alone, the products of gradients are the same at every step.
    """

    CHANNELS = 2 * len(StructureTensor.WINDOWS) + 8
    _REACH = 3.0  # pixels; further than that the gradient says nothing

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:  # noqa: D102
        pixels, tensors, table, flow = (tf.stop_gradient(tf.cast(value, tf.float32)) for value in inputs)
        pixels, *gradient = tf.split(pixels, 3, -1)
        left = pixels - warp_blocks(table, flow)
        parts = [block_means(slope * left) for slope in gradient]
        blocks = tf.concat([tf.reduce_mean(part, -1, keepdims=True) for part in parts], -1)
        tensors = tf.split(tensors, len(StructureTensor.WINDOWS), -1)
        found = []
        for window, tensor in zip(StructureTensor.WINDOWS, tensors, strict=True):
            xx, xy, yy = tf.split(tensor, 3, -1)
            xr, yr = tf.split(smooth(blocks, window), 2, -1)
            step = tf.concat([yy * xr - xy * yr, xx * yr - xy * xr], -1) / (xx * yy - xy * xy)
            found.append(self._REACH * tf.tanh(step / self._REACH))
        return tf.concat([*found, tf.concat(parts, -1) / trace(tensors[1])], -1)


@keras.saving.register_keras_serializable("faceflow")
class SpaceToDepth(keras.layers.Layer):
    """Moves blocks of 2 x 2 places into channels: [B, H, W, C] to [B, H/2, W/2, 4 C]."""

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return tf.nn.space_to_depth(values, 2)


@keras.saving.register_keras_serializable("faceflow")
class DepthToSpace(keras.layers.Layer):
    """Undoes `SpaceToDepth`; the output is float32."""

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return tf.nn.depth_to_space(tf.cast(values, tf.float32), 2)
