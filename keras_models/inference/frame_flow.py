"""Flow of a whole frame, or of a crop around the face, by any method."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from keras_models.inference.estimators import Estimator
from keras_models.inference.uncertainty import UncertainEstimator
from pipelines.image.crops import Crop, crop_around
from pipelines.image.frame_check import check_frames
from pipelines.image.warping import pixel_grid, sample, warp_back
from pipelines.labels.extension import extend
from pipelines.labels.mesh import mesh_label
from pipelines.landmarks.detector import FaceMesh, find_face
from pipelines.landmarks.face_mesh import face_mask
from pipelines.visualization.flow_pictures import flow_panel

_CROP_SIZE = 256  # pixels; about what networks are trained on
# Mean motion of the landmarks, pixels of the crop, above which frame 2 is first warped back by them: their
# own error of about 0.7 px is small compared with that, and networks estimate the small rest well.
_LANDMARKS_FROM = 4.0


@dataclass(frozen=True, eq=False)
class EstimatedFlow:
    """A flow with the frames it belongs to.

    Attributes:
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        flow: float32 [H, W, 2], pixels.
        valid: bool [H, W].
        crop: crop around the face in which the flow was estimated; None for the whole frame.
        landmarks: float32 [478, 2] of frame 1; None if no face was searched for.
        faces: number of faces found in a frame, the larger of both; the largest face was taken.
        uncertainty: float32 [H, W], the end-point error to expect, pixels; None if the method gives none.
    """

    frame1: np.ndarray
    frame2: np.ndarray
    flow: np.ndarray
    valid: np.ndarray
    crop: Crop | None = None
    landmarks: np.ndarray | None = None
    faces: int = 1
    uncertainty: np.ndarray | None = None

    def panel(self) -> np.ndarray:
        """Return a picture of frames, flow and arrows.

        In a crop around the face, the median motion of the face is subtracted: heads and cameras move further
        than expressions and would hide them.
        """
        if self.crop is None:
            return flow_panel(self.frame1, self.frame2, self.flow, self.valid, self.uncertainty)
        flow, valid = self.crop.flow(self.flow, self.valid)
        face = face_mask(self.crop.points(self.landmarks), valid.shape) & valid
        own = flow - np.median(flow[face], axis=0)
        uncertainty = None
        if self.uncertainty is not None:
            uncertainty = self.crop.flow(np.repeat(self.uncertainty[..., None], 2, -1), self.valid)[0][..., 0]
        frames = self.crop.picture(self.frame1), self.crop.picture(self.frame2)
        return flow_panel(*frames, own, face, uncertainty)


Estimate = Callable[[np.ndarray, np.ndarray], EstimatedFlow]


def in_whole_frame(method: Estimator | UncertainEstimator) -> Estimate:
    """Return a function of two frames that runs a method on all of them."""

    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> EstimatedFlow:
        flow, valid, *uncertainty = method(frame1, frame2)
        return EstimatedFlow(frame1, frame2, flow, valid, uncertainty=next(iter(uncertainty), None))

    return estimate


def in_face_crop(
    method: Estimator | UncertainEstimator,
    size: int = _CROP_SIZE,
    names: tuple[str, str] = ("frame 1", "frame 2"),
) -> Estimate:
    """Return a function of two frames that runs a method on the square around the face in both.

    Where the face moves far, frame 2 is first warped back by the landmarks, and the method estimates the
    rest.

    Args:
        method: estimator of the flow.
        size: width and height to which the crop is resized, pixels; the flow is scaled back.
        names: names of the frames, for errors.

    Raises (when called):
        InputError: if a frame has no face, or the frames are not uint8 [H, W, 3] of one size.
    """
    face_mesh = FaceMesh()

    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> EstimatedFlow:
        check_frames(frame1, frame2)
        face1 = find_face(face_mesh, frame1, names[0])
        face2 = find_face(face_mesh, frame2, names[1], same_as=face1)
        crop = crop_around(np.concatenate([face1.landmarks, face2.landmarks]), size)
        pictures = crop.picture(frame1), crop.picture(frame2)
        points = crop.points(face1.landmarks), crop.points(face2.landmarks)
        if np.linalg.norm(points[1] - points[0], axis=-1).mean() < _LANDMARKS_FROM:
            flow, valid, *uncertainty = method(*pictures)
        else:
            flow, valid, *uncertainty = _after_landmarks(method, *pictures, *points)
        faces = max(face1.faces_in_frame, face2.faces_in_frame)
        shape = frame1.shape[:2]
        expected = None
        if uncertainty:  # in pixels, as each component of the flow
            expected = crop.flow_back(np.repeat(uncertainty[0][..., None], 2, -1), valid, shape)[0][..., 0]
        flow, valid = crop.flow_back(flow, valid, shape)
        return EstimatedFlow(frame1, frame2, flow, valid, crop, face1.landmarks, faces, expected)

    return estimate


def _after_landmarks(
    method: Estimator | UncertainEstimator,
    picture1: np.ndarray,
    picture2: np.ndarray,
    points1: np.ndarray,
    points2: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Warp frame 2 back by the landmarks, estimate the residual, and compose both.

    A point at q = p + residual(p) of the warped frame is at q + start(q) in frame 2.
    """
    start = extend(*mesh_label(points1, points2, picture1.shape[:2]))
    residual, *others = method(picture1, warp_back(picture2, start))
    there = sample(start, pixel_grid(residual.shape[:2]) + residual, cv2.INTER_LINEAR)
    return residual + there, *others
