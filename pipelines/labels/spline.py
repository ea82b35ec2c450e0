"""Label method `spline`: a thin-plate spline through the landmarks' displacements, in TensorFlow's graph.

Smooth, and defined everywhere: beyond the face it goes on as the affine part and its decaying bends say.

References:
    Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", IEEE TPAMI 11(6),
    1989. doi:10.1109/34.24792
"""

import atexit
import functools
import warnings

import numpy as np

from pipelines.landmarks.face_mesh import IBUG_68, NUM_LANDMARKS, check_landmarks

# The 68 points, and what they leave blank: forehead, cheeks, chin. The system is dense, and a spline through
# all 478 landmarks would follow their jitter for 40 times the cost.
_FILLING = [10, 109, 338, 103, 332, 54, 284, 151, 9, 50, 280, 101, 330, 205, 425, 187, 411, 36, 266]
_FILLING += [123, 352, 147, 376, 192, 416, 214, 434, 199, 201, 421, 32, 262, 210, 430]
POINTS = np.unique(np.concatenate([IBUG_68, np.array(_FILLING, np.int32)]))

_STEP = 4  # pixels between the places where the spline is evaluated
_BENDING = 1e-3  # against jitter: the spline passes near the points, not through them


def spline_label(
    landmarks1: np.ndarray, landmarks2: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the displacement of the landmarks by a thin-plate spline.

    Args:
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], the same points in frame 2.
        shape: (height, width) of the label.

    Returns:
        flow, float32 [height, width, 2], pixels, and valid, bool [height, width]: everywhere.

    Raises:
        InputError: as `check_landmarks`.
    """
    check_landmarks(landmarks1, landmarks2)
    batches = [points.astype(np.float32)[None] for points in (landmarks1, landmarks2)]
    return _compiled(tuple(shape))(*batches)[0].numpy(), np.ones(shape, bool)


def spline_flow(landmarks1, landmarks2, shape: tuple[int, int]):
    """Do the same for a batch, inside a graph.

    Args:
        landmarks1: float32 tensor [B, 478, 2], (x, y) in pixels of frame 1.
        landmarks2: float32 tensor [B, 478, 2], of frame 2.
        shape: (height, width) of the labels.

    Returns:
        float32 tensor [B, height, width, 2], pixels.
    """
    # Imported here: labels do without TensorFlow otherwise.
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Addons says that it is at its end of life
        from tensorflow_addons.image import interpolate_spline

    height, width = shape
    rows, columns = (max(2, -(-side // _STEP) + 1) for side in shape)
    y, x = np.meshgrid(np.linspace(0, height - 1, rows), np.linspace(0, width - 1, columns), indexing="ij")
    # In units in which the picture is about 1, where the system is well conditioned.
    unit = float(max(height, width))
    places = tf.constant(np.stack([x, y], axis=-1).reshape(1, -1, 2) / unit, tf.float32)
    points = tf.gather(landmarks1, POINTS, axis=1)
    values = tf.gather(landmarks2, POINTS, axis=1) - points
    batch = tf.shape(points)[0]
    coarse = interpolate_spline(
        points / unit, values, tf.tile(places, [batch, 1, 1]), order=2, regularization_weight=_BENDING
    )
    coarse = tf.reshape(coarse, [batch, rows, columns, 2])
    # Corners on corners, as the places were chosen; the newer resize knows pixel centres only.
    return tf.raw_ops.ResizeBicubic(images=coarse, size=[height, width], align_corners=True)


@functools.lru_cache(maxsize=8)
def _compiled(shape: tuple[int, int]):
    import tensorflow as tf

    # TensorFlow complains of functions that are still alive when it goes.
    atexit.register(_compiled.cache_clear)
    landmarks = tf.TensorSpec([None, NUM_LANDMARKS, 2], tf.float32)
    return tf.function(lambda a, b: spline_flow(a, b, shape), input_signature=[landmarks, landmarks])
