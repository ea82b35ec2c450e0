"""Flow of a whole frame, or of a crop around the face, by any method."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_models.methods import Method
from pipelines.crops import Crop, crop_around
from pipelines.face_mesh import face_mask
from pipelines.landmarks import FaceMesh, find_face
from pipelines.pictures import flow_panel

_CROP_SIZE = 256  # pixels; about what networks are trained on


@dataclass(frozen=True, eq=False)
class EstimatedFlow:
    """A flow with the frames it belongs to.

    Attributes:
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        flow: float32 [H, W, 2], pixels.
        valid: bool [H, W].
        crop: the crop around the face in which it was estimated, if it was.
        landmarks: float32 [478, 2] of frame 1, if the face was looked for.
        faces: the most faces that were found in a frame; the largest was taken.
    """

    frame1: np.ndarray
    frame2: np.ndarray
    flow: np.ndarray
    valid: np.ndarray
    crop: Crop | None = None
    landmarks: np.ndarray | None = None
    faces: int = 1

    def panel(self) -> np.ndarray:
        """Return a picture of frames, flow and arrows.

        In a crop around the face the face's median motion is taken off: heads and cameras move further than
        expressions do, and would hide them.
        """
        if self.crop is None:
            return flow_panel(self.frame1, self.frame2, self.flow, self.valid)
        flow, valid = self.crop.flow(self.flow, self.valid)
        face = face_mask(self.crop.points(self.landmarks), valid.shape) & valid
        own = flow - np.median(flow[face], axis=0)
        return flow_panel(self.crop.picture(self.frame1), self.crop.picture(self.frame2), own, face)


Estimate = Callable[[np.ndarray, np.ndarray], EstimatedFlow]


def in_whole_frame(method: Method) -> Estimate:
    """Return a function of two frames that runs a method on all of them."""
    return lambda frame1, frame2: EstimatedFlow(frame1, frame2, *method(frame1, frame2))


def in_face_crop(method: Method, size: int = _CROP_SIZE) -> Estimate:
    """Return a function of two frames that runs a method on the square around the face in both.

    Args:
        method: that estimates.
        size: width and height to which the crop is resized for it, pixels; the flow is scaled back.

    Raises (when called):
        InputError: if a frame has no face.
    """
    face_mesh = FaceMesh()

    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> EstimatedFlow:
        face1 = find_face(face_mesh, frame1, "frame 1")
        face2 = find_face(face_mesh, frame2, "frame 2", same_as=face1)
        crop = crop_around(np.concatenate([face1.landmarks, face2.landmarks]), size)
        flow, valid = method(crop.picture(frame1), crop.picture(frame2))
        flow, valid = crop.flow_back(flow, valid, frame1.shape[:2])
        faces = max(face1.faces_in_frame, face2.faces_in_frame)
        return EstimatedFlow(frame1, frame2, flow, valid, crop, face1.landmarks, faces)

    return estimate
