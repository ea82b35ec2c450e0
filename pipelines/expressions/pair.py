"""Onset and apex of a face: aligned, and the features of the flow between them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.errors import InputError
from pipelines.expressions.alignment import align, alignment
from pipelines.expressions.features import flow_features
from pipelines.landmarks import FaceMesh, find_face

#: Flow of two frames, uint8 [H, W, 3] RGB of one size: float32 [H, W, 2], pixels.
Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Two aligned crops of one face, and the flow between them.

    Attributes:
        onset: uint8 [224, 224, 3], RGB.
        apex: uint8 [224, 224, 3], RGB, cut like the onset.
        flow: float32 [224, 224, 2], pixels of the crop.
    """

    onset: np.ndarray
    apex: np.ndarray
    flow: np.ndarray

    def features(self, remove_head: bool = True) -> np.ndarray:
        """Return u, v and strain, float32 [28, 28, 3]; see `flow_features`."""
        return flow_features(self.flow[None], remove_head).numpy()[0]


def aligned_pair(
    onset: np.ndarray,
    apex: np.ndarray,
    estimate: Estimate,
    face_mesh: FaceMesh,
    names: tuple[str, str] = ("onset", "apex"),
) -> AlignedPair:
    """Find the face, align both frames by its place in the onset, and estimate the flow.

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
    find_face(face_mesh, apex, names[1], same_as=face)
    similarity = alignment(face.landmarks)
    crops = align(onset, similarity), align(apex, similarity)
    return AlignedPair(*crops, estimate(*crops).astype(np.float32))
