"""Onset and apex of a face: aligned, and the features of the flow between them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.expressions.alignment import align, alignment
from pipelines.expressions.features import flow_features
from pipelines.head_motion import STABLE
from pipelines.landmarks import FaceMesh, find_face

_FAR = 4.0  # pixels of the crop, as `keras_models.face_flow` has it for flow in a crop

#: Flow of two frames, uint8 [H, W, 3] RGB of one size: float32 [H, W, 2], pixels.
Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]

# In a graph: the many small operations cost more one by one than a fast flow does.
_features = tf.function(flow_features, reduce_retracing=True)


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Two aligned crops of one face, and the flow between them.

    Attributes:
        onset: uint8 [224, 224, 3], RGB.
        apex: uint8 [224, 224, 3], RGB, cut like the onset; by its own landmarks where the head moved far.
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
        estimate: of the flow.
        face_mesh: that looks for the face.
        names: of the frames, for messages.

    Raises:
        InputError: naming the frame, if it has no face; if the frames differ in size.
    """
    if onset.shape != apex.shape:
        sizes = " and ".join(f"{frame.shape[1]}x{frame.shape[0]}" for frame in (onset, apex))
        raise InputError(f"{names[0]}, {names[1]}: frames of one clip have one size, not {sizes}")
    face = find_face(face_mesh, onset, names[0])
    moved = find_face(face_mesh, apex, names[1], same_as=face)
    crops = align(onset, alignment(face.landmarks)), align_like(apex, moved.landmarks, face.landmarks)
    return AlignedPair(*crops, estimate(*crops).astype(np.float32))


def align_like(frame: np.ndarray, landmarks: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Cut a later frame of a clip as its first one was cut, so that motion stays what it was.

    Where the head has moved far, the frame is aligned by its own landmarks: their error is little beside that
    motion, and what they leave is what methods of flow are good at.

    Args:
        frame: uint8 [H, W, 3], RGB.
        landmarks: float32 [478, 2] of the frame.
        first: float32 [478, 2] of the first frame.

    Returns:
        uint8 [224, 224, 3], RGB.
    """
    similarity = alignment(first)
    motion = (landmarks - first)[STABLE] @ similarity[:, :2].T
    far = np.linalg.norm(motion, axis=-1).mean() > _FAR
    return align(frame, alignment(landmarks) if far else similarity)
