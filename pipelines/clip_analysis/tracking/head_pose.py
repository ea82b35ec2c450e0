"""Pose of the head and opening of the eyes, from the landmarks of one frame.

References:
    Soukupova, Cech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016 (eye aspect ratio).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.landmarks.head_motion import STABLE
from pipelines.synthetic.renderer.geometry.head import head_model

#: Opening relative to the reference frame below which an eye is closed.
CLOSED_BELOW = 0.5

# Points on bone and on the nose, whose depth reveals turns and nods.
_POINTS = np.concatenate([STABLE, [197, 195, 5, 4, 1, 19, 94, 2, 48, 278, 98, 327]])
# Subject's right and left eye: corner, two points of the upper lid, corner, two points of the lower lid.
_EYES = np.array([[33, 160, 158, 133, 153, 144], [362, 385, 387, 263, 373, 380]])


@dataclass(frozen=True)
class HeadPose:
    """Pose of a head: a turn about its own vertical axis, a nod, and then a tilt in the picture.

    Attributes:
        yaw: turn, degrees, positive to the right of the upright face.
        pitch: nod, degrees, positive down.
        roll: tilt in the picture, degrees, positive clockwise. It changes neither yaw nor pitch.
        scale: pixels per centimetre of the head.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float


def head_pose(landmarks: np.ndarray) -> HeadPose:
    """Fit the pose of the mean head to the points on bone, under weak perspective.

    Args:
        landmarks: landmarks of a face, float [478, 2], (x, y) in pixels.

    Returns:
        Pose. Because a head differs from the mean head, yaw and pitch have a constant error of some degrees,
        and their changes can be wrong by about a third. Roll and scale are not affected.
    """
    model = head_model().vertices[_POINTS].astype(np.float64)
    points = landmarks[_POINTS].astype(np.float64)
    across = np.linalg.lstsq(model - model.mean(axis=0), points - points.mean(axis=0), rcond=None)[0].T
    left, stretch, right = np.linalg.svd(across, full_matrices=False)
    first, second = left @ right  # the nearest two rows of a rotation
    third = np.cross(first, second)
    return HeadPose(
        yaw=float(np.rad2deg(np.arctan2(third[0], third[2]))),
        pitch=float(np.rad2deg(np.arcsin(np.clip(third[1], -1, 1)))),
        roll=float(np.rad2deg(np.arctan2(-first[1], second[1]))),
        scale=float(stretch.mean()),
    )


def eye_openings(landmarks: np.ndarray) -> np.ndarray:
    """Return the aspect ratio of the subject's right and left eye, float64 [2]: 0 is closed, .3 typical."""
    eyes = landmarks[_EYES].astype(np.float64)
    height = np.linalg.norm(eyes[:, 1] - eyes[:, 5], axis=-1) + np.linalg.norm(
        eyes[:, 2] - eyes[:, 4], axis=-1
    )
    return height / (2 * np.linalg.norm(eyes[:, 0] - eyes[:, 3], axis=-1))
