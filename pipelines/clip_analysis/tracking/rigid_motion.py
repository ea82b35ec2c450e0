"""Flow of a rigid head: an affine motion, and parallax by the depth of the face.

Under weak perspective, a rotation and translation in space give a flow that is affine in x, y and depth. The
depth is that of the mean head. Only its shape matters, because a change of pose is affine in x and y. An
affine motion alone would leave part of a turn in the cheeks and the nose.

The parameters are fitted to the flow of the whole face, because any part of it may move with an expression:
brows take the forehead with them, a smile the cheeks. The error function rejects what moves otherwise than
most of the face. It has several minima. The fit therefore starts once from the upper and once from the lower
half of the face, each time with an error function that is tightened step by step, and the lower minimum is
the answer. A head that does not turn can be shifted, scaled and rotated in the picture, but neither stretched
nor sheared.

References:
    Black, Rangarajan, "On the unification of line processes, outlier rejection, and robust statistics with
    applications in early vision", IJCV 19(1), 1996 (graduated non-convexity).
    Geman, McClure, "Statistical methods for tomographic image reconstruction", Bulletin of the ISI 52, 1987.
    Ullman, Basri, "Recognition by linear combinations of models", TPAMI 13(10), 1991.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from pipelines.image.warping import pixel_grid, squared_length
from pipelines.labels.mesh import interpolate_triangles
from pipelines.landmarks.canonical_face import COUNT, canonical_landmarks
from pipelines.landmarks.face_mesh import REGIONS, TRIANGLES, check_landmarks, region_map, with_irises

_STEP = 7  # pixels between the points of the fit
# Usual error of a flow, pixels, and its share of the motion: what deviates by more is no part of the head.
_ERROR, _ERROR_SHARE = 0.1, 0.03
_SCALES = (4.0, 2.0, 1.0, 1.0, 1.0)  # of the error function, in these errors
_HALVES = ("forehead", "brows", "eyes", "nose"), ("nose", "cheeks", "mouth", "jaw")
# Stretch and shear, pixels over the width of the crop: usual size, also per pixel of parallax.
_STRETCH, _STRETCH_PER_PARALLAX = 0.1, 0.1
_STIFFNESS = 0.3  # weight of the usual size; points are many, but their errors are not independent
_UNITS = np.eye(8).reshape(8, 4, 2)  # motion parameters, one by one
# The two directions in which a head is stretched or sheared: x and y apart, and each by the other.
_DEFORMATION = np.array([_UNITS[0] - _UNITS[3], _UNITS[1] + _UNITS[2]]) / 2


class RigidMotion:
    """Flows of a rigid head, as linear combinations of four fields.

    Args:
        landmarks: landmarks of the face at rest, float32 [478, 2], pixels of the crop.
        face: mask of the face, bool [S, S].

    Raises:
        InputError: as `check_landmarks`.
    """

    def __init__(self, landmarks: np.ndarray, face: np.ndarray):
        check_landmarks(landmarks)
        shape = face.shape
        centred = (pixel_grid(shape) - landmarks[:COUNT].mean(axis=0)) / max(shape)
        #: float32 [S, S, 4]: x, y, 1 and depth.
        self.fields = np.dstack([centred, np.ones(shape), _depth(landmarks, shape)]).astype(np.float32)
        self._points = np.nonzero(face[::_STEP, ::_STEP])
        regions = region_map(landmarks, shape)[::_STEP, ::_STEP][self._points]
        self._halves = [
            np.isin(regions, [REGIONS.index(region) + 1 for region in half]).astype(float) for half in _HALVES
        ]
        self._design = self.fields[::_STEP, ::_STEP][self._points].astype(np.float64)

    def fit(self, flow: np.ndarray) -> np.ndarray:
        """Return the parameters of the head motion in a flow.

        Args:
            flow: float32 [S, S, 2], pixels of the crop.

        Returns:
            float64 [4, 2]: motion (u, v) in pixels for each of `fields`.
        """
        motion = flow[::_STEP, ::_STEP][self._points].astype(np.float64)
        found = [self._tightened(motion, half) for half in self._halves]
        costs = [(1 - self._agreement(motion, parameters, 1.0)).sum() for parameters in found]
        return found[int(np.argmin(costs))]

    def _tightened(self, motion: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Fit from the points with weights on, while the error function becomes ever tighter."""
        parameters = self._solved(motion, weights, 0.0)
        for scale in _SCALES:
            weights = np.square(self._agreement(motion, parameters, scale))
            parameters = self._solved(motion, weights, float(np.linalg.norm(parameters[3])))
        return parameters

    def _agreement(self, motion: np.ndarray, parameters: np.ndarray, scale: float) -> np.ndarray:
        """Return how far each point moves with the head: 1 if it does, 1/2 at `scale` usual errors."""
        rigid = self._design @ parameters
        error = _ERROR + _ERROR_SHARE * np.sqrt(squared_length(rigid)).mean()
        bound = np.square(scale * error)
        return bound / (bound + squared_length(motion - rigid))

    def _solved(self, motion: np.ndarray, weights: np.ndarray, parallax: float) -> np.ndarray:
        """Solve the weighted least squares, with little deformation for its parallax."""
        weighted = self._design.T * weights
        usual = _STRETCH + _STRETCH_PER_PARALLAX * parallax
        deformation = _DEFORMATION.reshape(2, 8) / usual
        left = np.kron(weighted @ self._design, np.eye(2)) + _STIFFNESS * deformation.T @ deformation
        return np.linalg.lstsq(left, (weighted @ motion).ravel(), rcond=None)[0].reshape(4, 2)

    def flow(self, parameters: np.ndarray) -> np.ndarray:
        """Return the flow for parameters, float64 [4, 2]: float32 [S, S, 2], pixels of the crop."""
        return self.fields @ parameters.astype(np.float32)


def _depth(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the depth of the mean head, about -1 to 1; outside the face, that of the nearest pixel."""
    depth = canonical_landmarks()[:, 2].astype(np.float64)
    depth = with_irises((depth - depth.mean()) / np.ptp(depth) * 2)
    values = np.column_stack([depth, depth])
    inside, known = interpolate_triangles(landmarks.astype(np.float64), values, TRIANGLES, *shape)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return inside[..., 0][tuple(nearest)]
