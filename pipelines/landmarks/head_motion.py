"""Affine motion of the head from landmarks in two frames.

The map is fitted to points that move little with expression: forehead, temples, bridge of the nose, corners
of the eyes. Robust weights discard those that move with it all the same. Where a flow is known,
`labels.rigid_motion` finds the head more accurately.
"""

import numpy as np

from pipelines.image.warping import squared_length

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
    weights = np.ones(len(design))
    for turn in range(_ROUNDS):
        weighted = design.T * weights
        # Normal equations: a tenth of the time of the whole design, which is well conditioned.
        affine = np.linalg.lstsq(weighted @ design, weighted @ motion, rcond=None)[0]
        distance = np.sqrt(squared_length(motion - design @ affine))
        if turn < _ROUNDS // 2:
            # Least absolute deviations first: Tukey's weights need a start that outliers have not taken over.
            weights = 1 / np.maximum(distance, _LEAST_DEVIATION)
        else:
            deviation = max(1.4826 * np.median(distance), _LEAST_DEVIATION)
            weights = np.square(np.clip(1 - np.square(distance / (_TUKEY * deviation)), 0, None))
    affine[2] -= centre @ affine[:2]
    return affine
