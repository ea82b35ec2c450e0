"""A pinhole camera and rigid motion."""

from dataclasses import dataclass

import numba
import numpy as np

from pipelines.synthetic.renderer.deterministic_sums import rotated


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
        return _projected(points, self.focal, *self.centre)


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
        return rotated(points, self.rotation(), self.pivot, self.pivot + self.position)

    def rotation(self) -> np.ndarray:
        """The rotation, float64 [3, 3]."""
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
