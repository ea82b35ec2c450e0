"""Flow of a rigid head: an affine motion, and parallax by the depth of the face.

Under weak perspective, a rotation and translation in space give a flow that is affine in x, y and depth. The
depth is that of the mean head, turned as the face is. An affine motion alone would leave part of a turn in
the cheeks and the nose.

The parameters are fitted to the flow of the whole face, because any part of it may move with an expression:
brows take the forehead with them, a smile the cheeks. The error function rejects what moves otherwise than
most of the face. It has several minima. The fit therefore starts from the upper, the lower and the middle
part of the face, each time with an error function that is tightened step by step, and the lowest minimum is
the answer. A head that does not turn can be shifted, scaled and rotated in the picture, but neither stretched
nor sheared; a small turn does neither, too.

References:
    Black, Rangarajan, "On the unification of line processes, outlier rejection, and robust statistics with
    applications in early vision", IJCV 19(1), 1996 (graduated non-convexity).
    Geman, McClure, "Statistical methods for tomographic image reconstruction", Bulletin of the ISI 52, 1987.
    Ullman, Basri, "Recognition by linear combinations of models", TPAMI 13(10), 1991.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid, squared_length
from pipelines.labels.mesh import interpolate_triangles, mesh_label
from pipelines.landmarks.canonical_face import COUNT, canonical_landmarks
from pipelines.landmarks.face_mesh import (
    REGIONS,
    TRIANGLES,
    check_landmarks,
    region_map,
    with_irises,
)

#: Usual error of a flow, in pixels and as a share of the motion: what deviates by more is not the head. It is
#: that of a face of 200 pixels or less, and grows with a larger one.
ERROR, ERROR_SHARE, ERROR_SIZE = 0.1, 0.03, 200.0
#: Scales of the error function, in these errors.
SCALES = (4.0, 2.0, 1.0, 1.0, 1.0)
#: Regions of the parts of the face from which the fit starts: any of them may be at rest while others move.
STARTS = (
    ("forehead", "brows", "eyes", "nose"),
    ("nose", "cheeks", "mouth", "jaw"),
    ("nose", "cheeks"),
)
#: Usual stretch or shear of a head in the picture, pixels over its height, also per pixel of parallax.
STRETCH, STRETCH_PER_PARALLAX = 0.1, 0.1
#: Weight of the usual stretch; points are many, but their errors are not independent.
STIFFNESS = 0.3

_POINTS = 30  # of the fit, over the height of the face
_UNITS = np.eye(8).reshape(8, 4, 2)  # motion parameters, one by one
#: The two directions in which a head is stretched or sheared: x and y apart, and each by the other.
DEFORMATION = (np.array([_UNITS[0] - _UNITS[3], _UNITS[1] + _UNITS[2]]) / 2).reshape(2, 8)


class RigidMotion:
    """Flows of a rigid head, as linear combinations of four fields.

    Args:
        landmarks: landmarks of the face at rest, float32 [478, 2], pixels.
        face: mask of the face, bool [H, W]. Outside of it, a flow is not looked at.

    Raises:
        InputError: as `check_landmarks`.

    Examples:
        >>> import skimage.data
        >>> from pipelines.landmarks.detector import FaceMesh
        >>> frame = skimage.data.astronaut()
        >>> with FaceMesh() as face_mesh:
        ...     landmarks = face_mesh(frame).landmarks
        >>> from pipelines.landmarks.face_mesh import face_mask
        >>> face = face_mask(landmarks, frame.shape[:2])
        >>> flow = np.full((512, 512, 2), 3, np.float32)
        >>> flow[: int(landmarks[105, 1])] -= 2  # raised brows and forehead
        >>> head = RigidMotion(landmarks, face)
        >>> head.flow(head.fit(flow))[face].mean(axis=0).round(2).tolist()
        [3.0, 3.0]
    """

    def __init__(self, landmarks: np.ndarray, face: np.ndarray):
        check_landmarks(landmarks)
        shape = face.shape
        extent = float(np.ptp(landmarks[:COUNT], axis=0).max())
        centred = (pixel_grid(shape) - landmarks[:COUNT].mean(axis=0)) / extent
        #: float32 [H, W, 4]: x, y, 1 and depth.
        self.fields = np.dstack([centred, np.ones(shape), _depth(landmarks, shape)]).astype(np.float32)
        self._step = max(1, round(extent / _POINTS))
        self._points = np.nonzero(face[:: self._step, :: self._step])
        regions = self._at_points(region_map(landmarks, shape))
        self._starts = [in_regions(regions, part) for part in STARTS]
        self._scale = max(1.0, extent / ERROR_SIZE)
        self._design = self._at_points(self.fields)

    def fit(self, flow: np.ndarray) -> np.ndarray:
        """Return the parameters of the head motion in a flow.

        Args:
            flow: float32 [H, W, 2], pixels.

        Returns:
            float64 [4, 2]: motion (u, v) in pixels for each of `fields`.

        Raises:
            InputError: if the flow of the face is not finite.
        """
        motion = self._at_points(flow) / self._scale
        if not np.isfinite(motion).all():
            raise InputError("the flow of the face is not finite; did the training of the network diverge?")
        found = [self._tightened(motion, start) for start in self._starts]
        costs = [(1 - self._agreement(motion, parameters, 1.0)).sum() for parameters in found]
        return found[int(np.argmin(costs))] * self._scale

    def flow(self, parameters: np.ndarray) -> np.ndarray:
        """Return the flow for parameters, float64 [4, 2]: float32 [H, W, 2], pixels."""
        return self.fields @ parameters.astype(np.float32)

    def _at_points(self, values: np.ndarray) -> np.ndarray:
        return values[:: self._step, :: self._step][self._points].astype(np.float64)

    def _tightened(self, motion: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Fit from the points with weights on, while the error function becomes ever tighter."""
        parameters = self._solved(motion, weights, 0.0)
        for scale in SCALES:
            weights = np.square(self._agreement(motion, parameters, scale))
            parameters = self._solved(motion, weights, float(np.linalg.norm(parameters[3])))
        return parameters

    def _agreement(self, motion: np.ndarray, parameters: np.ndarray, scale: float) -> np.ndarray:
        """Return how far each point moves with the head: 1 if it does, 1/2 at `scale` usual errors."""
        rigid = self._design @ parameters
        error = ERROR + ERROR_SHARE * np.sqrt(squared_length(rigid)).sum() / max(len(rigid), 1)
        bound = np.square(scale * error)
        return bound / (bound + squared_length(motion - rigid))

    def _solved(self, motion: np.ndarray, weights: np.ndarray, parallax: float) -> np.ndarray:
        """Solve the weighted least squares, with little deformation for its parallax."""
        weighted = self._design.T * weights
        deformation = DEFORMATION / (STRETCH + STRETCH_PER_PARALLAX * parallax)
        left = np.kron(weighted @ self._design, np.eye(2)) + STIFFNESS * deformation.T @ deformation
        return np.linalg.lstsq(left, (weighted @ motion).ravel(), rcond=None)[0].reshape(4, 2)


def in_regions(regions: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return 1 where a value of a region map is one of these regions, else 0: float64, as `regions`."""
    return np.isin(regions, [REGIONS.index(name) + 1 for name in names]).astype(np.float64)


def split_head(
    landmarks1: np.ndarray, landmarks2: np.ndarray, flow: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Split a flow into head motion and expression.

    Args:
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], (x, y) in pixels of frame 2.
        flow: float32 [H, W, 2], pixels. Where it is not valid, the displacement of the landmarks, which is
            less accurate, stands for it.
        valid: bool [H, W].

    Returns:
        head, float32 [H, W, 2], defined everywhere; expression, float32 [H, W, 2], `flow - head` where
        valid and 0 elsewhere.

    Raises:
        InputError: as `check_landmarks`, or if flow and mask differ in size, or the flow is not finite.
    """
    check_landmarks(landmarks1, landmarks2)
    if flow.shape[:2] != valid.shape:
        raise InputError(f"the flow is {flow.shape[:2]} and its mask {valid.shape}; they must have one size")
    instead, known = mesh_label(landmarks1, landmarks2, valid.shape)
    motion = RigidMotion(landmarks1, known)
    head = motion.flow(motion.fit(np.where(valid[..., None], flow, instead)))
    return head, np.where(valid[..., None], flow - head, np.float32(0))


def _depth(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the depth of the mean head, turned as the face is, about -1 to 1, float64 [H, W].

    Outside the face, it is that of the nearest pixel.
    """
    head = canonical_landmarks().astype(np.float64)
    head -= head.mean(axis=0)
    depth = with_irises(head @ _towards_camera(head, landmarks[:COUNT]) / np.ptp(head[:, 2]) * 2)
    values = np.column_stack([depth, depth])
    inside, known = interpolate_triangles(landmarks.astype(np.float64), values, TRIANGLES, *shape)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return inside[..., 0][tuple(nearest)]


def _towards_camera(head: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the direction of the optical axis in a head, float64 [3], whose pose fits its points."""
    across = np.linalg.lstsq(head, points - points.mean(axis=0), rcond=None)[0].T
    left, _, right = np.linalg.svd(across, full_matrices=False)
    first, second = left @ right  # the nearest two rows of a rotation
    return np.cross(first, second)
