"""Strength of the expression in a flow, as one number."""

from functools import lru_cache

import cv2
import numpy as np
import tensorflow as tf

from pipelines.landmarks.face_mesh import REGIONS, region_map
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.features import SIZE, cells, head_flow


# In a graph: run one by one, the operations of `head_flow` take longer than a fast estimator of flow.
@tf.function(input_signature=[tf.TensorSpec([None, CROP, CROP, 2])])
def motion_strength(flow: tf.Tensor) -> tf.Tensor:
    """Return the mean length of the expression's motion in the face.

    The motion of the head is removed. Lids and eyes do not count: they move with every blink and glance.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of an aligned crop.

    Returns:
        float32 [B], pixels of the crop.
    """
    lengths = tf.norm(cells(flow - head_flow(flow)), axis=-1)
    shares = face_shares()
    return tf.reduce_sum(lengths * (shares / shares.sum()), axis=[1, 2])


@lru_cache(maxsize=1)
def face_without_eyes() -> np.ndarray:
    """Pixels of an aligned crop that show the face without eyes and lids: bool [224, 224]."""
    regions = region_map(template(), (CROP, CROP))
    return (regions > 0) & (regions != REGIONS.index("eyes") + 1)


@lru_cache(maxsize=1)
def face_shares() -> np.ndarray:
    """Share of each cell of an aligned crop that is face without eyes and lids: float32 [28, 28]."""
    return cv2.resize(face_without_eyes().astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
