"""Sub-pixel matching of landmarks between two frames.

Face Mesh detects the landmarks of each frame independently, and its error on smooth skin differs from frame
to frame. A label needs only their displacement. So the landmarks of frame 1 are kept, and each landmark of
frame 2 moves to where the image patch around its counterpart has moved. `refine_flow` does the matching; its
smoothness term lets a landmark without texture follow its neighbours.
"""

import cv2
import numpy as np

from pipelines.image.bicubic import sample_bicubic
from pipelines.labels.confidence import photometric_confidence
from pipelines.labels.extension import extend
from pipelines.labels.mesh import mesh_label
from pipelines.labels.variational import VariationalConfig, refine_flow
from pipelines.landmarks.face_mesh import check_landmarks

# A landmark with a lower confidence than this is not matched.
_MIN_CONFIDENCE = 0.05


def match_landmarks(
    frame1: np.ndarray,
    frame2: np.ndarray,
    landmarks1: np.ndarray,
    landmarks2: np.ndarray,
    config: VariationalConfig | None = None,
) -> np.ndarray:
    """Match the landmarks of frame 1 in frame 2.

    Args:
        frame1: First frame, uint8 [H, W, 3], RGB, at least 16 pixels on each side.
        frame2: Second frame, uint8 [H, W, 3], RGB, of the same size.
        landmarks1: Landmarks in frame 1, float [478, 2], (x, y) in pixels.
        landmarks2: Detected landmarks in frame 2, float [478, 2], with errors of a few pixels at most.
        config: Settings of the matching; defaults if None.

    Returns:
        Matched landmarks in frame 2, float32 [478, 2], (x, y) in pixels. Landmarks outside frame 1 and those
        with too low a confidence are returned as detected.

    Raises:
        InputError: if the landmarks have another shape or are not finite, or the frames are too small.
    """
    check_landmarks(landmarks1, landmarks2)
    shape = frame1.shape[:2]
    flow = refine_flow(frame1, frame2, extend(*mesh_label(landmarks1, landmarks2, shape)), config)
    confident = photometric_confidence(frame1, frame2, flow, np.ones(shape, bool)) > _MIN_CONFIDENCE
    points = landmarks1[None].astype(np.float32)
    matched = landmarks1 + sample_bicubic(flow, points)[0]
    accepted = cv2.remap(confident.astype(np.uint8), points, None, cv2.INTER_NEAREST)[0]  # 0 outside
    return np.where(accepted[:, None] > 0, matched, landmarks2).astype(np.float32)
