"""Pinhole camera and rigid motion."""

from dataclasses import dataclass

import numba
import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import rotated


@dataclass(frozen=True)
class Camera:
    """Pinhole camera at the origin that looks along +z, with x to the right and y down.

    Attributes:
        focal: Focal length in pixels.
        centre: Principal point (x, y) in pixels; integers are pixel centres.
    """

    focal: float
    centre: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points in front of the camera, float64 [N, 3], to pixels, float64 [N, 2]."""
        return _projected(points, self.focal, *self.centre)


@dataclass(frozen=True, eq=False)
class Pose:
    """Rigid transform of a body: a rotation about a pivot and a translation.

    Attributes:
        angles: (yaw, pitch, roll) in degrees; positive turns the face to the right of the image, down and
            clockwise.
        position: Translation from body to camera coordinates, float64 [3], cm.
        pivot: Centre of rotation in body coordinates, float64 [3], cm.
    """

    angles: tuple[float, float, float]
    position: np.ndarray
    pivot: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Transform points, float64 [N, 3], from body to camera coordinates."""
        return rotated(points, self.rotation(), self.pivot, self.pivot + self.position)

    def rotation(self) -> np.ndarray:
        """Return the rotation matrix, float64 [3, 3]."""
        (cy, cp, cr), (sy, sp, sr) = np.cos(np.deg2rad(self.angles)), np.sin(np.deg2rad(self.angles))
        # Right-hand rotations: by -yaw about y, after pitch about x, after roll about z.
        return np.array(
            [
                [cy * cr - sy * sp * sr, -cy * sr - sy * sp * cr, -sy * cp],
                [cp * sr, cp * cr, -sp],
                [sy * cr + cy * sp * sr, -sy * sr + cy * sp * cr, cy * cp],
            ]
        )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _projected(points, focal, x, y):
    out = np.empty((points.shape[0], 2))
    for n in range(points.shape[0]):
        out[n, 0] = focal * points[n, 0] / points[n, 2] + x
        out[n, 1] = focal * points[n, 1] / points[n, 2] + y
    return out
