"""How much a face moves by itself: one number for a flow."""

from functools import lru_cache

import cv2
import numpy as np
import tensorflow as tf

from pipelines.landmarks.face_mesh import REGIONS, region_map
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.features import SIZE, cells, head_flow


# In a graph: the many small operations of `head_flow` cost more one by one than a fast flow does.
@tf.function(input_signature=[tf.TensorSpec([None, CROP, CROP, 2])])
def motion_strength(flow: tf.Tensor) -> tf.Tensor:
    """Return the mean length of the expression's motion in the face.

    The head's motion is taken off; lids and eyes do not count, for they move with every blink and glance.

    Args:
        flow: float32 [B, 224, 224, 2], pixels of an aligned crop.

    Returns:
        float32 [B], pixels of the crop.
    """
    lengths = tf.norm(cells(flow - head_flow(flow)), axis=-1)
    return tf.reduce_sum(lengths * _weights(), axis=[1, 2])


@lru_cache(maxsize=1)
def _weights() -> np.ndarray:
    """Share of each cell in the mean, float32 [28, 28]: the part of it that is face without eyes."""
    regions = region_map(template(), (CROP, CROP))
    counts = (regions > 0) & (regions != REGIONS.index("eyes") + 1)
    share = cv2.resize(counts.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return share / share.sum()
