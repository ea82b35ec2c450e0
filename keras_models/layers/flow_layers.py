"""Layers that all flow networks share: padding of frames of any size, resizing, warping, and the output."""

import keras
import tensorflow as tf

from keras_models.layers.backward_warp import warp_back

_GREY_LEVEL = 1 / 255


class Float32Layer(keras.layers.Layer):
    """Layer that computes in float32 under every policy: 16 bits are too few for motion below a pixel."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def get_config(self) -> dict:  # noqa: D102
        config = super().get_config()
        del config["dtype"]
        return config


def enlarge(values: tf.Tensor, factor: int = 2) -> tf.Tensor:
    """Resize [B, H, W, C] bilinearly to [B, factor H, factor W, C]."""
    shape = tf.shape(values)
    return tf.image.resize(values, (shape[1] * factor, shape[2] * factor))


def _margins(length: tf.Tensor, multiple: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the padding before and after a side that makes its length a multiple."""
    # Of positive numbers only: `-length % multiple` becomes another number in ONNX.
    missing = (multiple - length % multiple) % multiple
    return missing // 2, missing - missing // 2


def _repeated(line: tf.Tensor, times: tf.Tensor, axis: int) -> tf.Tensor:
    """Repeat a row (axis 1) or a column (axis 2), perhaps no times."""
    # Not broadcast: TensorFlow.js broadcasts to a length of 0 as to 1.
    return tf.tile(line, [times if k == axis else 1 for k in range(4)])


@keras.saving.register_keras_serializable("faceflow")
class PadToMultiple(keras.layers.Layer):
    """Pads an image so that height and width are multiples of a number. The image is in the middle.

    The border is replicated, so that padding makes no edges. Any size from 1x1 works.

    Args:
        multiple: Number of which height and width become multiples.

    Input shape:
        [B, H, W, C].

    Output shape:
        [B, H', W', C].

    Examples:
        >>> PadToMultiple(64)(np.zeros((1, 100, 50, 3), np.float32)).shape
        TensorShape([1, 128, 64, 3])
    """

    def __init__(self, multiple: int, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, picture: tf.Tensor) -> tf.Tensor:  # noqa: D102
        for axis in (1, 2):
            before, after = _margins(tf.shape(picture)[axis], self.multiple)
            first, last = (
                (picture[:, :1], picture[:, -1:]) if axis == 1 else (picture[:, :, :1], picture[:, :, -1:])
            )
            picture = tf.concat([_repeated(first, before, axis), picture, _repeated(last, after, axis)], axis)
        return picture

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"multiple": self.multiple}


@keras.saving.register_keras_serializable("faceflow")
class StopGradient(keras.layers.Layer):
    """Passes values on without their gradient."""

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return tf.stop_gradient(values)


@keras.saving.register_keras_serializable("faceflow")
class FullResolutionFlow(Float32Layer):
    """Resizes a coarse flow on the padded grid to the size of the frames, and crops the padding.

    A frame of one colour shows no motion. What a network makes of it comes from its biases alone, so such a
    pair gets a fixed value.

    Args:
        multiple: Number of the `PadToMultiple` before the network.
        without_texture: Value of pairs of which a frame has one colour, within half a grey level of 255.

    Input shape:
        [B, h, w, C]: flow in pixels of the frames, or what belongs to it.
        [B, H, W, 3] twice: the frames, in [0, 1].

    Output shape:
        float32 [B, H, W, C].

    Examples:
        >>> flow = np.ones((1, 2, 2, 2), np.float32)
        >>> frames = np.zeros((2, 1, 64, 64, 3), np.float32)
        >>> FullResolutionFlow(64)((flow, *frames)).numpy().mean().item()
        0.0
        >>> frames[:, 0, 0, 0, 0] = 1
        >>> FullResolutionFlow(64)((flow, *frames)).numpy().mean().item()
        1.0
    """

    def __init__(self, multiple: int, without_texture: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self.without_texture = without_texture

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:  # noqa: D102
        flow, *frames = inputs
        height, width = tf.shape(frames[0])[1], tf.shape(frames[0])[2]
        (top, bottom), (left, right) = _margins(height, self.multiple), _margins(width, self.multiple)
        flow = tf.image.resize(flow, (top + height + bottom, left + width + right))
        flow = flow[:, top : top + height, left : left + width]
        contrast1, contrast2 = (
            tf.reduce_max(tf.abs(frame - frame[:, :1, :1]), [1, 2, 3], keepdims=True) for frame in frames
        )
        return tf.where(tf.minimum(contrast1, contrast2) > _GREY_LEVEL / 2, flow, self.without_texture)

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"multiple": self.multiple, "without_texture": self.without_texture}


@keras.saving.register_keras_serializable("faceflow")
class Enlarge(keras.layers.Layer):
    """Resizes bilinearly by a factor.

    Args:
        factor: Factor on height and width.

    Input shape:
        [B, H, W, C].

    Output shape:
        float32 [B, factor H, factor W, C].
    """

    def __init__(self, factor: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, values: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return enlarge(tf.cast(values, tf.float32), self.factor)

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"factor": self.factor}


@keras.saving.register_keras_serializable("faceflow")
class Warp(keras.layers.Layer):
    """Warps features back by a flow in pixels of the input.

    There is no gradient with respect to the flow: it is trained by the estimates that follow.

    Args:
        factor: Width of the input divided by that of the features.

    Input shape:
        [B, h, w, C]: features.
        [B, h, w, 2]: flow.

    Output shape:
        float32 [B, h, w, C].
    """

    def __init__(self, factor: float, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:  # noqa: D102
        features, flow = (tf.cast(value, tf.float32) for value in inputs)
        return warp_back(features, tf.stop_gradient(flow) / self.factor)[0]

    def get_config(self) -> dict:  # noqa: D102
        return super().get_config() | {"factor": self.factor}


def size_multiple(network: keras.Model) -> int:
    """Return the number of which the sides of a network's frames are multiples after padding."""
    return next(layer.multiple for layer in network.layers if hasattr(layer, "multiple"))


def frame_inputs() -> dict:
    """Return the inputs of every flow network: `frame1`, `frame2`, float32 [B, H, W, 3] in [0, 1]."""
    return {name: keras.Input((None, None, 3), name=name) for name in ("frame1", "frame2")}
