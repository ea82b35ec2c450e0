"""Layers of the pyramid network: how it looks at two frames, and how it measures what is left to move."""

import keras
import tensorflow as tf

from keras_models.warping import warp_back


def enlarge(values: tf.Tensor, factor: int = 2) -> tf.Tensor:
    """Resize [B, H, W, C] bilinearly to [B, factor H, factor W, C]."""
    shape = tf.shape(values)
    return tf.image.resize(values, (shape[1] * factor, shape[2] * factor))


def shrink(values: tf.Tensor, factor: int) -> tf.Tensor:
    """Average [B, H, W, C] over blocks to [B, H / factor, W / factor, C]."""
    return tf.nn.avg_pool2d(values, factor, factor, "VALID")


def smooth(values: tf.Tensor, window: int) -> tf.Tensor:
    """Average [B, H, W, C] over a window around each place; beyond the border nothing counts."""
    return tf.nn.avg_pool2d(values, window, 1, "SAME")


@keras.saving.register_keras_serializable("faceflow")
class LocalContrast(keras.layers.Layer):
    """Takes the local mean off a picture and divides by its local standard deviation.

    So that brightness and contrast may change between the frames.

    Input: [B, H, W, C], H and W multiples of 4. Output: float32, likewise.
    """

    _BLOCK, _WINDOW = 4, 3  # statistics over about 12 x 12 pixels, taken on a grid of a quarter
    _LEAST_VARIANCE = 1e-3  # a standard deviation of 8 of 255: what is smoother than that stays faint

    def call(self, picture: tf.Tensor) -> tf.Tensor:  # noqa: D102
        picture = tf.cast(picture, tf.float32)
        mean = smooth(shrink(picture, self._BLOCK), self._WINDOW)
        square = smooth(shrink(tf.square(picture), self._BLOCK), self._WINDOW)
        variance = tf.reduce_mean(tf.nn.relu(square - tf.square(mean)), -1, keepdims=True)
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
class Warp(keras.layers.Layer):
    """`warp_back` by a flow in pixels of the input, for features on a grid `factor` times coarser.

    No gradient goes to the flow: it learns from what the next step makes of it.

    Input: (features [B, h, w, C], flow [B, h, w, 2]). Output: float32 [B, h, w, C].
    """

    def __init__(self, factor: int, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:  # noqa: D102
        features, flow = (tf.cast(value, tf.float32) for value in inputs)
        return warp_back(features, tf.stop_gradient(flow) / self.factor)[0]

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"factor": self.factor}


@keras.saving.register_keras_serializable("faceflow")
class LucasKanade(keras.layers.Layer):
    """Measures at full resolution what motion is left after an estimate, and reports on a coarser grid.

    Frame 2 is warped back by the estimate. What is left moves by d, where g . d = r at every pixel: g is the
    gradient of the mean of both frames and r their difference. The five products g g^T and g r are averaged
    over windows of three sizes, and d is solved for in each; the products themselves go on too, so that
    convolutions can make windows of their own. Convolutions on the coarse grid thus work with full-resolution
    evidence at a sixteenth of the cost. Nothing is learned here, and no gradient goes through.

    Input: (frame 1, frame 2: [B, H, W, 3], locally normalised; flow [B, H/2, W/2, 2] in pixels).
    Output: float32 [B, H/4, W/4, 35]: for each window d (2), the logarithm of how well x and y are seen (2),
    and how much they depend on one another (1); then the products of each half-resolution place (20), in
    pixels.

    References:
        Lucas, Kanade, "An iterative image registration technique with an application to stereo vision",
        IJCAI 1981, solved with damping.
    """

    CHANNELS = 35
    _WINDOWS = (1, 3, 7)  # places of the coarse grid: 4, 12 and 28 pixels
    _DAMPING = 0.02  # of squared gradients per pixel: about what noise of 3 of 255 makes in faint skin
    _REACH = 3.0  # pixels; further than that the gradient says nothing

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:  # noqa: D102
        frame1, frame2, flow = (tf.stop_gradient(tf.cast(value, tf.float32)) for value in inputs)
        frame1, frame2 = (tf.image.rgb_to_grayscale(frame) for frame in (frame1, frame2))
        warped, _ = warp_back(frame2, enlarge(flow))
        mean = tf.pad((frame1 + warped) / 2, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        x = (mean[:, 1:-1, 2:] - mean[:, 1:-1, :-2]) / 2
        y = (mean[:, 2:, 1:-1] - mean[:, :-2, 1:-1]) / 2
        left = frame1 - warped
        half = shrink(tf.concat([x * x, x * y, y * y, x * left, y * left], -1), 2)
        quarter = shrink(half, 2)

        found = []
        for window in self._WINDOWS:
            xx, xy, yy, xr, yr = tf.split(smooth(quarter, window) if window > 1 else quarter, 5, -1)
            xx, yy = xx + self._DAMPING, yy + self._DAMPING
            determinant = xx * yy - xy * xy
            step = tf.concat([yy * xr - xy * yr, xx * yr - xy * xr], -1) / determinant
            found += [
                self._REACH * tf.tanh(step / self._REACH),
                tf.math.log(tf.concat([xx, yy], -1)),
                xy * tf.math.rsqrt(xx * yy),
            ]
            if window == 3:
                around = xx + yy
        return tf.concat([*found, tf.nn.space_to_depth(half, 2) / around], -1)


@keras.saving.register_keras_serializable("faceflow")
class Enlarge(keras.layers.Layer):
    """`enlarge` by 2 as a layer. Input [B, H, W, C], output float32 [B, 2 H, 2 W, C]."""

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return enlarge(tf.cast(values, tf.float32))


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
