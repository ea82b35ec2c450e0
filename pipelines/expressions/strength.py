"""How much a face moves by itself: one number for a flow."""

from functools import lru_cache

import cv2
import numpy as np
import tensorflow as tf

from pipelines.expressions.alignment import CROP, template
from pipelines.expressions.features import SIZE, cells, head_flow
from pipelines.face_mesh import REGIONS, region_map


def motion_strength(flow: tf.Tensor) -> tf.Tensor:
    """Return the mean length of the expression's motion in the face.

    The head's motion is taken off; lids and eyes do not count, for they move with every blink and glance.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of an aligned crop.

    Returns:
        float32 [B], pixels of the crop.
    """
    return mean_length(expression_cells(flow))


def expression_cells(flow: tf.Tensor) -> tf.Tensor:
    """Return the expression's part of a flow, averaged over cells: float32 [B, 28, 28, 2], pixels."""
    return cells(flow - head_flow(flow))


def mean_length(motion: tf.Tensor) -> tf.Tensor:
    """Return the mean length over the cells of the face, lids and eyes left out: [B, 28, 28, 2] -> [B]."""
    return tf.reduce_sum(tf.norm(motion, axis=-1) * _weights(), axis=[1, 2])


@lru_cache(maxsize=1)
def _weights() -> np.ndarray:
    """Share of each cell in the mean, float32 [28, 28]: the part of it that is face without eyes."""
    regions = region_map(template(), (CROP, CROP))
    counts = (regions > 0) & (regions != REGIONS.index("eyes") + 1)
    share = cv2.resize(counts.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return share / share.sum()
