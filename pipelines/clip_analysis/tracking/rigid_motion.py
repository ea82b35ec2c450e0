"""Flow of a rigid head: an affine motion, and parallax by the depth of the face.

Under weak perspective, a rotation and translation in space give a flow that is affine in x, y and depth. The
depth is that of the mean head. Only its shape matters, because a change of pose is affine in x and y. The
parameters are fitted, with robust weights, to the flow of forehead and nose and around points on bone. An
affine motion alone would leave part of a turn in the cheeks and the nose.

References:
    Holland, Welsch, "Robust regression using iteratively reweighted least-squares", Communications in
    Statistics 6(9), 1977.
    Ullman, Basri, "Recognition by linear combinations of models", TPAMI 13(10), 1991.
"""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import interpolate_triangles
from pipelines.landmarks.canonical_face import COUNT, canonical_landmarks
from pipelines.landmarks.face_mesh import REGIONS, TRIANGLES, check_landmarks, region_map, with_irises
from pipelines.landmarks.head_motion import STABLE, fit_robustly
from pipelines.micro_expressions.alignment import alignment

_STEP, _ROUNDS = 7, 10  # pixels between the points of the fit; number of iterations
# Weights of the regions in the fit of the head. All others, except near bone, move with the expression.
_OF_HEAD = {"forehead": 1.0, "nose": 1.0, "brows": 0.2}
# Weights in the fit of the whole face, which may include part of an expression and averages errors out.
_OF_FACE = {
    "forehead": 1.0, "nose": 1.0, "cheeks": 0.3, "brows": 0.2, "jaw": 0.1, "mouth": 0.05, "eyes": 0.05,
}  # fmt: skip
_NEAR_BONE = 11.0  # pixels of the aligned crop of 224 pixels


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
        regions = region_map(landmarks, shape)
        radius = round(_NEAR_BONE / float(np.hypot(*alignment(landmarks)[:, 0])))
        bone = np.zeros(shape, np.uint8)
        for x, y in np.rint(landmarks[STABLE]).astype(int).tolist():
            cv2.circle(bone, (x, y), radius, 1, -1)
        self._of_head = self._design(np.where(face, np.maximum(_weights(_OF_HEAD)[regions], bone), 0))
        self._of_face = self._design(np.where(face, _weights(_OF_FACE)[regions], 0))

    def fit(self, flow: np.ndarray) -> np.ndarray:
        """Return the parameters of the head motion in a flow, float32 [S, S, 2]: float64 [4, 2]."""
        return self._fitted(flow, self._of_head)

    def fit_face(self, flow: np.ndarray) -> np.ndarray:
        """Return the parameters of the rigid motion that is closest to the flow of the whole face.

        This fit is less noisy than `fit`, but may include part of an expression.
        """
        return self._fitted(flow, self._of_face)

    def _design(self, weights: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
        """Return the points of a fit on the coarse grid (rows, columns), their fields, and their weights."""
        coarse = weights[::_STEP, ::_STEP]
        where = np.nonzero(coarse)
        return where, self.fields[::_STEP, ::_STEP][where].astype(np.float64), coarse[where]

    def _fitted(self, flow: np.ndarray, design: tuple) -> np.ndarray:
        where, fields, weights = design
        return fit_robustly(fields, flow[::_STEP, ::_STEP][where], weights, _ROUNDS)

    def flow(self, parameters: np.ndarray) -> np.ndarray:
        """Return the flow for parameters, float64 [4, 2]: float32 [S, S, 2], pixels of the crop."""
        return self.fields @ parameters.astype(np.float32)


def _weights(of: dict[str, float]) -> np.ndarray:
    """Return the weight of each value of a region map: float64 [regions + 1], 0 outside the face."""
    return np.array([0.0] + [of.get(region, 0.0) for region in REGIONS])


def _depth(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the depth of the mean head, about -1 to 1; outside the face, that of the nearest pixel."""
    depth = canonical_landmarks()[:, 2].astype(np.float64)
    depth = with_irises((depth - depth.mean()) / np.ptp(depth) * 2)
    values = np.column_stack([depth, depth])
    inside, known = interpolate_triangles(landmarks.astype(np.float64), values, TRIANGLES, *shape)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return inside[..., 0][tuple(nearest)]
