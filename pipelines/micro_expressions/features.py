"""Features of an aligned face's flow for classifiers: u, v and optical strain, 28 x 28.

Only TensorFlow operations are used, so that training and the served graph run the same code.

Reference:
    Liong et al., "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression Recognition", FG
    2019.
"""

from functools import lru_cache

import numpy as np
import tensorflow as tf

from pipelines.landmarks.head_motion import STABLE
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.strain import optical_strain

#: Width and height of the features.
SIZE = 28
CELL = CROP // SIZE  # pixels of the crop on each side of a cell

_TUKEY, _LEAST_DEVIATION, _ROUNDS = 4.685, 0.02, 20  # as `pipelines.landmarks.head_motion.fit_affine`
# Pixels, and pixels per pixel: the noise of a face that moves less is not amplified.
_LEAST_MOTION, _LEAST_STRAIN = 0.05, 0.002


def flow_features(flow: tf.Tensor, remove_head: bool = True) -> tf.Tensor:
    """Return the features of flows in aligned crops.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of the crop.
        remove_head: subtract the motion of the head, an affine map.

    Returns:
        float32 [B, 28, 28, 3]: u and v, averaged over cells of 8 x 8 pixels, and the strain, computed at full
        resolution and averaged likewise. Flow and strain are each divided by their root mean square over the
        crop: emotions differ in where a face moves, people in how much. Only the pair itself is used for
            that.
    """
    if remove_head:
        flow = flow - head_flow(flow)
    motion, strain = cells(flow), cells(optical_strain(flow)[..., None])
    return tf.concat([motion / _size(motion, _LEAST_MOTION), strain / _size(strain, _LEAST_STRAIN)], axis=-1)


def cells(pixels: tf.Tensor) -> tf.Tensor:
    """Average over cells of 8 x 8 pixels: [B, 224, 224, C] -> [B, 28, 28, C]."""
    return tf.nn.avg_pool2d(pixels, CELL, CELL, "VALID")


def head_flow(flow: tf.Tensor) -> tf.Tensor:
    """Return the motion of the head alone: the affine map fitted robustly to the cells of stable points.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of the crop.

    Returns:
        float32, as `flow`.
    """
    row, column = _bone()
    motion = tf.gather(tf.reshape(cells(flow), [-1, SIZE * SIZE, 2]), row * SIZE + column, axis=1)
    affine = fit_affine(_centred(np.stack([column, row], -1) * CELL + (CELL - 1) / 2), motion)
    axis = np.arange(CROP)
    grid = _centred(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))
    return tf.reshape(tf.matmul(_with_one(grid), affine), tf.shape(flow))


def fit_affine(points: np.ndarray, motion: tf.Tensor) -> tf.Tensor:
    """Fit motion = (x, y, 1) A as `head_motion.fit_affine` does, for a batch and in a graph.

    Args:
        points: float32 [N, 2], (x, y), of the order of 1.
        motion: float32 [B, N, 2], pixels.

    Returns:
        A, float32 [B, 3, 2].
    """
    design = tf.constant(_with_one(points))
    weights = tf.ones_like(motion[..., :1])
    middle = len(points) // 2
    for turn in range(_ROUNDS):
        weighted = weights * design
        affine = _solve(
            tf.matmul(weighted, design[None], transpose_a=True), tf.matmul(weighted, motion, transpose_a=True)
        )
        distance = tf.norm(motion - tf.matmul(design[None], affine), axis=-1, keepdims=True)
        ordered = tf.sort(distance, axis=1)
        median = (ordered[:, middle : middle + 1] + ordered[:, (len(points) - 1) // 2 :][:, :1]) / 2
        deviation = tf.maximum(1.4826 * median, _LEAST_DEVIATION)
        if turn < _ROUNDS // 2:
            weights = 1 / tf.maximum(distance, _LEAST_DEVIATION)
        else:
            weights = tf.square(tf.maximum(1 - tf.square(distance / (_TUKEY * deviation)), 0))
    return affine


def _solve(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Solve [B, 3, 3] X = [B, 3, 2] by the adjugate, whose operations every runtime has."""
    a, b, c = matrix[:, 0], matrix[:, 1], matrix[:, 2]
    adjugate = tf.stack([tf.linalg.cross(b, c), tf.linalg.cross(c, a), tf.linalg.cross(a, b)], axis=-1)
    determinant = tf.reduce_sum(a * tf.linalg.cross(b, c), axis=-1)
    return tf.matmul(adjugate, right) / determinant[:, None, None]


@lru_cache(maxsize=1)
def _bone() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cells that contain a stable point, int32."""
    columns, rows = np.unique(((template()[STABLE] + 0.5) // CELL).astype(np.int32), axis=0).T
    return rows, columns


def _centred(points: np.ndarray) -> np.ndarray:
    """Coordinates of the crop's pixels in units of half its size, from its centre."""
    return ((points - (CROP - 1) / 2) / (CROP / 2)).astype(np.float32)


def _with_one(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points, np.ones_like(points[:, :1])], axis=1)


def _size(values: tf.Tensor, least: float) -> tf.Tensor:
    squared = tf.reduce_mean(tf.reduce_sum(tf.square(values), axis=-1, keepdims=True), [1, 2], keepdims=True)
    return tf.maximum(tf.sqrt(squared), least)
