"""Landmarks of a pair brought into agreement with its pictures, to a fraction of a pixel.

Face Mesh finds each frame's landmarks by itself, and where exactly on a smooth cheek a landmark sits is
anybody's guess in either. Only the displacement matters here: the landmarks of frame 1 stay, and those of
frame 2 move to where the surroundings of the former have gone. The matching is that of `refine_flow`: windows
around each point, held together by smoothness, so that a landmark whose surroundings are blank or changed
follows the ones around it.
"""

import cv2
import numpy as np

from pipelines.image.bicubic import sample_bicubic
from pipelines.labels.confidence import photometric_confidence
from pipelines.labels.extension import extend
from pipelines.labels.mesh import mesh_label
from pipelines.labels.variational import VariationalConfig, refine_flow
from pipelines.landmarks.face_mesh import check_landmarks

# Below this confidence the pictures do not show what became of a point.
_LEAST_CONFIDENCE = 0.05


def match_landmarks(
    frame1: np.ndarray,
    frame2: np.ndarray,
    landmarks1: np.ndarray,
    landmarks2: np.ndarray,
    config: VariationalConfig | None = None,
) -> np.ndarray:
    """Move the landmarks of frame 2 to where those of frame 1 have gone.

    Args:
        frame1: uint8 [H, W, 3], RGB, at least 32 pixels on each side.
        frame2: uint8 [H, W, 3], RGB, of the same size.
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], (x, y) in pixels of frame 2, wrong by some pixels at most.
        config: of the matching.

    Returns:
        float32 [478, 2], pixels of frame 2. Landmarks outside frame 1, and those that
        the pictures do not show well enough, are as they were.

    Raises:
        InputError: for landmarks of another shape or not finite, and for frames that are too small.
    """
    check_landmarks(landmarks1, landmarks2)
    shape = frame1.shape[:2]
    flow = refine_flow(frame1, frame2, extend(*mesh_label(landmarks1, landmarks2, shape)), config)
    believed = photometric_confidence(frame1, frame2, flow, np.ones(shape, bool)) > _LEAST_CONFIDENCE
    points = landmarks1[None].astype(np.float32)
    matched = landmarks1 + sample_bicubic(flow, points)[0]
    kept = cv2.remap(believed.astype(np.uint8), points, None, cv2.INTER_NEAREST)[0]  # 0 outside
    return np.where(kept[:, None] > 0, matched, landmarks2).astype(np.float32)
