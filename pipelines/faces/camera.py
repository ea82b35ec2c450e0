"""A pinhole camera and rigid motion."""

from dataclasses import dataclass

import numpy as np

from pipelines.faces.fields import rotated


@dataclass(frozen=True)
class Camera:
    """A pinhole at the origin that looks along +z, x to the right and y down.

    Attributes:
        focal: in pixels.
        centre: (x, y) of the principal point in pixels; integers are pixel centres.
    """

    focal: float
    centre: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points, float64 [N, 3] in front of the camera, to pixels, float64 [N, 2]."""
        return self.focal * points[:, :2] / points[:, 2:] + self.centre


@dataclass(frozen=True, eq=False)
class Pose:
    """A rotation about a point of the body, and where that body's origin then lies before the camera.

    Attributes:
        angles: (yaw, pitch, roll) in degrees: face towards the picture's right, down, and clockwise.
        position: of the body's origin in camera coordinates when it is not rotated, float64 [3], cm.
        pivot: the point that the rotation leaves in place, float64 [3], in body coordinates.
    """

    angles: tuple[float, float, float]
    position: np.ndarray
    pivot: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Carry points, float64 [N, 3], from body into camera coordinates."""
        return rotated(points - self.pivot, self.rotation()) + (self.pivot + self.position)

    def rotation(self) -> np.ndarray:
        """The rotation, float64 [3, 3]."""
        yaw, pitch, roll = np.deg2rad(self.angles)
        return _about(1, -yaw) @ _about(0, pitch) @ _about(2, roll)


def _about(axis: int, angle: float) -> np.ndarray:
    """Rotation by the right-hand rule about one axis."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix
