"""Separation of head motion and expression.

Head motion is modelled as an affine map of the image plane: the first-order effect of a rotation and a
translation in space on a face at some distance. A similarity could not model the foreshortening of a turn or
a nod, and a pose in space needs the depth of the face, which landmarks in the plane do not give.

The map is fitted to points that move little with expression: forehead, temples, bridge of the nose, corners
of the eyes. Robust weights discard those that move with it all the same.
"""

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid, sample, squared_length
from pipelines.landmarks.face_mesh import check_landmarks

#: Face Mesh vertices that move least with expression: forehead and temples, bridge of the nose, corners of
#: the eyes, side of the face in front of the ears.
STABLE = np.array(
    [10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454]
    + [168, 6, 122, 351, 193, 417]
    + [33, 133, 263, 362, 130, 359, 243, 463]
    + [34, 264, 139, 368, 71, 301],
    dtype=np.int32,
)

_TUKEY = 4.685  # 95 % efficiency for Gaussian errors
_LEAST_DEVIATION = 0.02  # pixels
_ROUNDS = 20


def split_head(
    landmarks1: np.ndarray, landmarks2: np.ndarray, flow: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Split a flow into head motion and expression.

    Args:
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], (x, y) in pixels of frame 2.
        flow: float32 [H, W, 2], pixels. Used at the stable points where it is valid; the displacement of the
            landmarks, which is less accurate, elsewhere.
        valid: bool [H, W].

    Returns:
        head, float32 [H, W, 2], defined everywhere; expression, float32 [H, W, 2], `flow - head` where
        valid and 0 elsewhere.

    Raises:
        InputError: as `check_landmarks`, or if flow and mask differ in size.
    """
    check_landmarks(landmarks1, landmarks2)
    if flow.shape[:2] != valid.shape:
        raise InputError(f"the flow is {flow.shape[:2]} and its mask {valid.shape}; they must have one size")
    points = landmarks1[STABLE].astype(np.float32)
    # All four pixels of a sample must be valid: the flow of the others is no motion.
    inside = cv2.remap(valid.astype(np.float32), points[None], None, cv2.INTER_LINEAR)[0] > 0.999
    sampled = sample(flow, points[None], cv2.INTER_LINEAR)[0]
    motion = np.where(inside[:, None], sampled, (landmarks2 - landmarks1)[STABLE])
    affine = fit_affine(points, motion)
    grid = pixel_grid(valid.shape)
    head = (grid @ affine[:2] + affine[2]).astype(np.float32)
    return head, np.where(valid[..., None], flow - head, np.float32(0))


def fit_affine(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Fit motion = (x, y, 1) A robustly, by iterated reweighting with Tukey's weights.

    Args:
        points: float [N, 2], (x, y) in pixels.
        motion: float [N, 2], pixels.

    Returns:
        A, float64 [3, 2].

    References:
        Holland, Welsch, "Robust regression using iteratively reweighted least-squares", Communications in
        Statistics 6(9), 1977.
    """
    centre = points.mean(axis=0)
    design = np.column_stack([points - centre, np.ones(len(points))]).astype(np.float64)
    affine = fit_robustly(design, motion)
    affine[2] -= centre @ affine[:2]
    return affine


def fit_robustly(
    design: np.ndarray, motion: np.ndarray, prior: np.ndarray | None = None, rounds: int = _ROUNDS
) -> np.ndarray:
    """Fit motion = design A by least squares that discard outliers; see `fit_affine`.

    Args:
        design: float64 [N, K], of about unit size or in pixels.
        motion: float [N, 2], pixels.
        prior: float [N], weights of the points before any is discarded; 1 by default.
        rounds: number of times that weights are computed anew.

    Returns:
        A, float64 [K, 2].
    """
    prior = np.ones(len(design)) if prior is None else prior
    weights = np.ones(len(design))
    for turn in range(rounds):
        weighted = design.T * (prior * weights)
        # Normal equations: a tenth of the time of the whole design, which is well conditioned.
        fitted = np.linalg.lstsq(weighted @ design, weighted @ motion, rcond=None)[0]
        distance = np.sqrt(squared_length(motion - design @ fitted))
        if turn < rounds // 2:
            # Least absolute deviations first: Tukey's weights need a start that outliers have not taken over.
            weights = 1 / np.maximum(distance, _LEAST_DEVIATION)
        else:
            deviation = max(1.4826 * np.median(distance), _LEAST_DEVIATION)
            weights = np.square(np.clip(1 - np.square(distance / (_TUKEY * deviation)), 0, None))
    return fitted
