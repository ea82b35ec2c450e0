"""Layers of PyramidFlow: normalisation of the frames, and measurement of the motion that remains."""

import keras
import tensorflow as tf

from keras_models.layers.block_operators import (
    bilinear_table,
    block_means,
    pixels_and_gradient,
    shrink,
    smooth,
    warp_blocks,
)
from keras_models.layers.flow_layers import enlarge


def trace(tensor: tf.Tensor) -> tf.Tensor:
    """Sum xx + yy of products xx, xy, yy: [B, H, W, 3] to [B, H, W, 1]."""
    return tensor[..., :1] + tensor[..., 2:]


@keras.saving.register_keras_serializable("faceflow")
class LocalContrast(keras.layers.Layer):
    """Local contrast normalisation of the grey image, against changes of brightness and contrast.

    The local mean is subtracted, and the result divided by the local standard deviation.

    Input shape:
        [B, H, W, 3], H and W multiples of 4.

    Output shape:
        float32 [B, H, W, 1].

    Examples:
        >>> LocalContrast()(np.zeros((1, 32, 32, 3), np.float32)).shape
        TensorShape([1, 32, 32, 1])
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
    """Normalises features: mean 0 over the image, and root mean square 1 over the channels of each place.

    The correlation of two such maps, a mean of products over channels, is a cosine. With raw features,
    training does not start.

    Input and output shape:
        [B, H, W, C]; the output is float32.
    """

    def call(self, features: tf.Tensor) -> tf.Tensor:  # noqa: D102
        features = tf.cast(features, tf.float32)
        centred = features - tf.reduce_mean(features, (1, 2), keepdims=True)
        return centred * tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + 1e-6)


@keras.saving.register_keras_serializable("faceflow")
class StructureTensor(keras.layers.Layer):
    """Structure tensor of frame 1: gradients and their products averaged over windows, for `LucasKanade`.

    It has no weights and no gradient.

    Input shape:
        float32 [B, H, W, 1], H and W multiples of 4.

    Output shape, all float32:
        [B, H/4, W/4, 48]: the frame (16) and its derivatives along x (16) and y (16) at the pixels of each
        4 x 4 block.
        [B, H/4, W/4, 9]: the products xx, xy, yy in each of three windows, damped.
        [B, H/4, W/4, 21]: texture features for convolutions: log xx, log yy and the correlation coefficient
        of x and y in each window (9), then the products of each half-resolution place relative to the middle
        window (12).

    References:
        Lucas, Kanade, "An iterative image registration technique with an application to stereo vision",
        IJCAI 1981, with damping.
    """

    WINDOWS = (1, 3, 7)  # places of the coarse grid: 4, 12 and 28 pixels
    CHANNELS = 3 * len(WINDOWS) + 12
    # Squared gradient per pixel, about that of noise of 3 of 255 in faint skin.
    _DAMPING = (0.02, 0.0, 0.02)

    def call(self, frame: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:  # noqa: D102
        frame = tf.stop_gradient(tf.cast(frame, tf.float32))
        found = pixels_and_gradient(frame)
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
    """`bilinear_table` as a layer, without gradient: [B, H, W, 1] to float32 [B, H, W, 4]."""

    def call(self, frame: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return bilinear_table(tf.stop_gradient(tf.cast(frame, tf.float32)))


@keras.saving.register_keras_serializable("faceflow")
class LucasKanade(keras.layers.Layer):
    """Measures the motion that remains after an estimate at full resolution, on a grid of a quarter.

    Frame 2 is warped back by the estimate. The remaining displacement d satisfies g . d = r at every pixel,
    where g is the gradient of frame 1 and r the difference of the frames. The products g r are averaged over
    windows of three sizes, and d is solved for in each. The products of smaller parts are passed on as well,
    so that convolutions can form windows of their own, with full-resolution evidence at a sixteenth of the
    cost. The layer has no weights and no gradient.

    Input shape:
        [B, H/4, W/4, 48] and [B, H/4, W/4, 9]: the first two outputs of frame 1's `StructureTensor`.
        [B, H, W, 4]: `BilinearTable` of frame 2.
        [B, H/2, W/2, 2]: flow in pixels.

    Output shape, all float32:
        [B, H/4, W/4, 14]: d of each window (6), and the products of each half-resolution place (8), in
        pixels.
        [B, H/4, W/4, 4]: log of the mean of r^2 at each half-resolution place, damped.

    References:
        Baker, Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 2004: with frame 1's gradient
        alone, the products of gradients are the same at every step.
    """

    CHANNELS = 2 * len(StructureTensor.WINDOWS) + 8
    _REACH = 3.0  # pixels; the gradient is not informative about longer displacements
    _NOISE = 0.01  # squared difference of locally normalised frames

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:  # noqa: D102
        pixels, tensors, table, flow = (tf.stop_gradient(tf.cast(value, tf.float32)) for value in inputs)
        pixels, *gradient = tf.split(pixels, 3, -1)
        residual = pixels - warp_blocks(table, flow)
        parts = [block_means(slope * residual) for slope in gradient]
        blocks = tf.concat([tf.reduce_mean(part, -1, keepdims=True) for part in parts], -1)
        tensors = tf.split(tensors, len(StructureTensor.WINDOWS), -1)
        found = []
        for window, tensor in zip(StructureTensor.WINDOWS, tensors, strict=True):
            xx, xy, yy = tf.split(tensor, 3, -1)
            xr, yr = tf.split(smooth(blocks, window), 2, -1)
            step = tf.concat([yy * xr - xy * yr, xx * yr - xy * xr], -1) / (xx * yy - xy * xy)
            found.append(self._REACH * tf.tanh(step / self._REACH))
        measured = tf.concat([*found, tf.concat(parts, -1) / trace(tensors[1])], -1)
        return measured, tf.math.log(block_means(residual * residual) + self._NOISE)


@keras.saving.register_keras_serializable("faceflow")
class SpaceToDepth(keras.layers.Layer):
    """Moves blocks of 2 x 2 places to the channels: [B, H, W, C] to [B, H/2, W/2, 4 C].

    As `tf.nn.space_to_depth`, by operations that every runtime has: TensorFlow.js refuses that one.
    """

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        batch, height, width = tf.unstack(tf.shape(values)[:3])
        channels = values.shape[-1]
        rows = tf.reshape(values, (-1, 2, width // 2, 2 * channels))
        deep = tf.reshape(tf.transpose(rows, (0, 2, 1, 3)), (batch, height // 2, width // 2, 4 * channels))
        sides = [side and side // 2 for side in values.shape[1:3]]
        deep.set_shape((values.shape[0], *sides, 4 * channels))  # not ensured: TensorFlow.js cannot
        return deep


@keras.saving.register_keras_serializable("faceflow")
class DepthToSpace(keras.layers.Layer):
    """Inverse of `SpaceToDepth`. The output is float32."""

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return tf.nn.depth_to_space(tf.cast(values, tf.float32), 2)
