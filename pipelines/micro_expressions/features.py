"""Features of an aligned face's flow for classifiers: u, v and optical strain, 28 x 28.

Only TensorFlow operations are used, so that training and the served graph run the same code.

Reference:
    Liong et al., "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression Recognition", FG
    2019.
"""

from functools import lru_cache

import numpy as np
import tensorflow as tf

from pipelines.labels.rigid_motion import (
    DEFORMATION,
    ERROR,
    ERROR_SHARE,
    SCALES,
    STARTS,
    STIFFNESS,
    STRETCH,
    STRETCH_PER_PARALLAX,
    RigidMotion,
    in_regions,
)
from pipelines.landmarks.face_mesh import face_mask, region_map
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.strain import optical_strain

#: Width and height of the features.
SIZE = 28
CELL = CROP // SIZE  # pixels of the crop on each side of a cell

# Pixels, and pixels per pixel: the noise of a face that moves less is not amplified.
_LEAST_MOTION, _LEAST_STRAIN = 0.05, 0.002


def flow_features(flow: tf.Tensor, remove_head: bool = True) -> tf.Tensor:
    """Return the features of flows in aligned crops.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of the crop.
        remove_head: subtract the motion of the head, see `head_flow`.

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
    """Return the motion of the head alone: that of a rigid head, as `labels.rigid_motion` fits it.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of the crop.

    Returns:
        float32, as `flow`.
    """
    fields, design, starts, points = _rigid_head()
    motion = tf.gather(tf.reshape(cells(flow), [-1, SIZE * SIZE, 2]), points, axis=1)
    rigid = tf.matmul(fields.reshape(-1, 4), fit_rigid(design, starts, motion))
    return tf.reshape(rigid, tf.shape(flow))


def fit_rigid(design: np.ndarray, starts: np.ndarray, motion: tf.Tensor) -> tf.Tensor:
    """Fit the motion of a head as `RigidMotion.fit` does, for a batch and in a graph.

    Args:
        design: float32 [N, 4], x, y, 1 and depth of each point.
        starts: float32 [S, N], 1 for the points from which a fit starts, else 0.
        motion: float32 [B, N, 2], pixels.

    Returns:
        Motion for x, y, 1 and depth, float32 [B, 4, 2].
    """
    count = len(starts)
    # All starts of each flow in turn: [S B, ...].
    motion = tf.repeat(motion, count, axis=0)
    weights = tf.tile(tf.constant(starts[..., None], tf.float32), [tf.shape(motion)[0] // count, 1, 1])
    parameters = _solved(design, motion, weights, tf.zeros_like(motion[:, :1, 0]))
    for scale in SCALES:
        weights = tf.square(_agreement(design, motion, parameters, scale))
        parameters = _solved(design, motion, weights, tf.norm(parameters[:, 3], axis=-1, keepdims=True))
    cost = tf.reduce_sum(1 - _agreement(design, motion, parameters, 1.0), axis=[1, 2])
    costs, parameters = tf.reshape(cost, [-1, count]), tf.reshape(parameters, [-1, count, 4, 2])
    best, found = costs[:, 0], parameters[:, 0]
    for k in range(1, count):
        found = tf.where((costs[:, k] < best)[:, None, None], parameters[:, k], found)
        best = tf.minimum(best, costs[:, k])
    return found


def _agreement(design: np.ndarray, motion: tf.Tensor, parameters: tf.Tensor, scale: float) -> tf.Tensor:
    rigid = tf.matmul(design, parameters)
    lengths = tf.norm(rigid, axis=-1, keepdims=True)
    bound = tf.square(scale * (ERROR + ERROR_SHARE * tf.reduce_mean(lengths, axis=1, keepdims=True)))
    return bound / (bound + tf.reduce_sum(tf.square(motion - rigid), axis=-1, keepdims=True))


def _solved(design: np.ndarray, motion: tf.Tensor, weights: tf.Tensor, parallax: tf.Tensor) -> tf.Tensor:
    """Solve the weighted least squares, [B, 4, 2], for parallax [B, 1]."""
    weighted = weights * design
    products = tf.matmul(weighted, design, transpose_a=True)  # [B, 4, 4]
    # u and v apart: the Kronecker product with the unit matrix, as a sum over both.
    left = sum(tf.matmul(tf.matmul(each, products), each.T) for each in _COMPONENTS)
    usual = (STRETCH + STRETCH_PER_PARALLAX * parallax)[:, None]
    left += _STRETCHED / tf.square(usual) + _RIDGE
    right = tf.reshape(tf.matmul(weighted, motion, transpose_a=True), [-1, 8, 1])
    return tf.reshape(_eliminated(left, right), [-1, 4, 2])


def _eliminated(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Solve [B, 8, 8] x = [B, 8, 1], positive definite, by operations that every runtime has."""
    rows = tf.concat([left, right], axis=-1)
    for k in range(8):
        pivot = rows[:, k : k + 1] / rows[:, k : k + 1, k : k + 1]
        column = rows[:, :, k : k + 1] - tf.constant(np.eye(8, dtype=np.float32)[:, k : k + 1])
        rows -= column * pivot
    return rows[:, :, 8:]


_STRETCHED = (STIFFNESS * DEFORMATION.T @ DEFORMATION).astype(np.float32)
_RIDGE = 1e-4 * np.eye(8, dtype=np.float32)  # for a flow of which no point agrees with the head
_COMPONENTS = [np.kron(np.eye(4), one[:, None]).astype(np.float32) for one in np.eye(2)]  # [8, 4]


@lru_cache(maxsize=1)
def _rigid_head() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fields of the mean head; the same at the cells of the face; starts of the fit; cells of the face."""
    face = face_mask(template(), (CROP, CROP))
    fields = RigidMotion(template(), face).fields
    middle = np.s_[CELL // 2 :: CELL, CELL // 2 :: CELL]
    points = np.flatnonzero(face[middle])
    means = fields.reshape(SIZE, CELL, SIZE, CELL, 4).mean(axis=(1, 3)).reshape(-1, 4)
    regions = region_map(template(), (CROP, CROP))[middle].reshape(-1)[points]
    starts = np.stack([in_regions(regions, part) for part in STARTS])
    return fields, means[points], starts.astype(np.float32), points.astype(np.int32)


def _size(values: tf.Tensor, least: float) -> tf.Tensor:
    squared = tf.reduce_mean(tf.reduce_sum(tf.square(values), axis=-1, keepdims=True), [1, 2], keepdims=True)
    return tf.maximum(tf.sqrt(squared), least)
