"""Onset and apex of an expression: aligned crops, the flow between them, and its features."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.alignment import aligned_crops
from pipelines.micro_expressions.features import flow_features

#: Flow of two frames, uint8 [H, W, 3] RGB of one size: float32 [H, W, 2], pixels.
Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]

# In a graph: run one by one, the many small operations take longer than a fast estimator of flow.
_features = tf.function(flow_features, reduce_retracing=True)


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Two aligned crops of one face, and the flow between them.

    Attributes:
        onset: uint8 [224, 224, 3], RGB.
        apex: uint8 [224, 224, 3], RGB, cut as the onset; by its own landmarks if the head has moved far.
        flow: float32 [224, 224, 2], pixels of the crop.
    """

    onset: np.ndarray
    apex: np.ndarray
    flow: np.ndarray

    def features(self, remove_head: bool = True) -> np.ndarray:
        """Return u, v and strain, float32 [28, 28, 3]; see `flow_features`."""
        return _features(self.flow[None], remove_head).numpy()[0]


def aligned_pair(
    onset: np.ndarray,
    apex: np.ndarray,
    estimate: Estimate,
    face_mesh: FaceMesh,
    names: tuple[str, str] = ("onset", "apex"),
) -> AlignedPair:
    """Find the face in both frames, align them, and estimate the flow.

    Args:
        onset: uint8 [H, W, 3], RGB.
        apex: uint8 [H, W, 3], RGB, of the same size.
        estimate: function that estimates the flow of two frames.
        face_mesh: detector of the face.
        names: names of the frames, for messages.

    Raises:
        InputError: naming the frame, if it has no face; if the frames differ in size.
    """
    crops = aligned_crops(onset, apex, face_mesh, names)
    return AlignedPair(*crops, estimate(*crops).astype(np.float32))
