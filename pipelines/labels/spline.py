"""Label method `spline`: a thin-plate spline fitted to the displacements of landmarks, in TensorFlow.

The flow is smooth and defined everywhere; outside the face the spline extrapolates.

References:
    Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", IEEE TPAMI 11(6),
    1989. doi:10.1109/34.24792
"""

import atexit
import functools
import warnings

import numpy as np

from pipelines.landmarks.face_mesh import IBUG_68, NUM_LANDMARKS, check_landmarks

# Landmarks on forehead, cheeks and chin, where the 68 of iBUG have none. The linear system is dense: all 478
# landmarks would cost 40 times as much, and the spline would follow their jitter.
_ADDITIONAL = [10, 109, 338, 103, 332, 54, 284, 151, 9, 50, 280, 101, 330, 205, 425, 187, 411, 36, 266]
_ADDITIONAL += [123, 352, 147, 376, 192, 416, 214, 434, 199, 201, 421, 32, 262, 210, 430]
#: Indices of the landmarks that the spline is fitted to.
CONTROL_POINTS = np.unique(np.concatenate([IBUG_68, np.array(_ADDITIONAL, np.int32)]))

_GRID_STEP = 4  # pixels between the grid points at which the spline is evaluated
_REGULARISATION = 1e-3  # smooths jitter: the spline passes near the landmarks, not through them


def spline_label(
    landmarks1: np.ndarray, landmarks2: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the displacements of the landmarks by a thin-plate spline.

    Args:
        landmarks1: Landmarks in frame 1, float [478, 2], (x, y) in pixels.
        landmarks2: The same landmarks in frame 2.
        shape: (height, width) of the label in pixels.

    Returns:
        Flow, float32 [height, width, 2], pixels; and where it is valid (everywhere), bool [height, width].

    Raises:
        InputError: if the landmarks have another shape or are not finite.
    """
    check_landmarks(landmarks1, landmarks2)
    batches = [points.astype(np.float32)[None] for points in (landmarks1, landmarks2)]
    return _compiled(tuple(shape))(*batches)[0].numpy(), np.ones(shape, bool)


def spline_flow(landmarks1, landmarks2, shape: tuple[int, int]):
    """Interpolate the displacements of a batch of landmarks; works inside a graph.

    Args:
        landmarks1: Landmarks in frame 1, float32 tensor [B, 478, 2], (x, y) in pixels.
        landmarks2: The same landmarks in frame 2.
        shape: (height, width) of the labels in pixels.

    Returns:
        Flow, float32 tensor [B, height, width, 2], pixels.
    """
    # Imported here: no other label method needs TensorFlow.
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Addons warns of its end of life
        from tensorflow_addons.image import interpolate_spline

    height, width = shape
    rows, columns = (max(2, -(-side // _GRID_STEP) + 1) for side in shape)
    y, x = np.meshgrid(np.linspace(0, height - 1, rows), np.linspace(0, width - 1, columns), indexing="ij")
    # Scaled to an image side of 1, which makes the system well conditioned.
    unit = float(max(height, width))
    queries = tf.constant(np.stack([x, y], axis=-1).reshape(1, -1, 2) / unit, tf.float32)
    points = tf.gather(landmarks1, CONTROL_POINTS, axis=1)
    values = tf.gather(landmarks2, CONTROL_POINTS, axis=1) - points
    batch = tf.shape(points)[0]
    coarse = interpolate_spline(
        points / unit, values, tf.tile(queries, [batch, 1, 1]), order=2, regularization_weight=_REGULARISATION
    )
    coarse = tf.reshape(coarse, [batch, rows, columns, 2])
    # The grid reaches from corner to corner; `tf.image.resize` has no `align_corners`.
    return tf.raw_ops.ResizeBicubic(images=coarse, size=[height, width], align_corners=True)


@functools.lru_cache(maxsize=8)
def _compiled(shape: tuple[int, int]):
    import tensorflow as tf

    # TensorFlow prints errors for functions that still exist when it shuts down.
    atexit.register(_compiled.cache_clear)
    landmarks = tf.TensorSpec([None, NUM_LANDMARKS, 2], tf.float32)
    return tf.function(lambda a, b: spline_flow(a, b, shape), input_signature=[landmarks, landmarks])
