"""Label method `refined`: the mesh label, corrected by what the pictures show.

The mesh label says roughly where each part of the face went, also where the skin is blank; the pictures say
exactly where there is something to see. Landmarks alone are wrong by 0.7 px on average, which is as much as a
whole micro-expression.
"""

from dataclasses import replace

import cv2
import numpy as np

from pipelines.labels.confidence import agreement, forward_backward_difference, photometric_confidence
from pipelines.labels.extension import extend
from pipelines.labels.mesh import mesh_label
from pipelines.labels.variational import VariationalConfig, refine_flow, resized
from pipelines.landmarks.face_mesh import check_landmarks

# How far beyond the mesh the label is given, as a share of the face's size: forehead, ears, chin line.
_MARGIN = 0.1


def refined_label(
    frame1: np.ndarray,
    frame2: np.ndarray,
    landmarks1: np.ndarray,
    landmarks2: np.ndarray,
    config: VariationalConfig | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Refine the mesh label photometrically.

    Args:
        frame1: uint8 [H, W, 3], RGB, at least 32 pixels on each side.
        frame2: uint8 [H, W, 3], RGB.
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], (x, y) in pixels of frame 2.
        config: of the refinement.

    Returns:
        flow, float32 [H, W, 2], pixels, 0 where not valid; valid, bool [H, W]: the face with a margin of a
        tenth of its size.

    Raises:
        InputError: for frames that are too small, and for landmarks as `mesh_label`.
    """
    check_landmarks(landmarks1, landmarks2)
    shape = frame1.shape[:2]
    box, corner = _around(landmarks1, landmarks2, shape)
    part1, part2 = (np.ascontiguousarray(frame[box]) for frame in (frame1, frame2))
    mesh, face = mesh_label(landmarks1 - corner, landmarks2 - corner, part1.shape[:2])
    part = refine_flow(part1, part2, extend(mesh, face), config)
    flow, valid = np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
    valid[box] = _grown(face, landmarks1)
    flow[box] = np.where(valid[box][..., None], part, np.float32(0))
    return flow, valid


def refined_confidence(
    frame1: np.ndarray,
    frame2: np.ndarray,
    landmarks1: np.ndarray,
    landmarks2: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray,
    config: VariationalConfig | None = None,
) -> np.ndarray:
    """Rate a refined label.

    Args:
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        landmarks1: float [478, 2], (x, y) in pixels of frame 1.
        landmarks2: float [478, 2], (x, y) in pixels of frame 2.
        flow: float32 [H, W, 2], what `refined_label` returned.
        valid: bool [H, W], likewise.
        config: of the refinement.

    Returns:
        float32 [H, W] in [0, 1], 0 where not valid: from the pictures, and from the difference to the flow
        the other way, which is found on its own at half the size.
    """
    box, corner = _around(landmarks1, landmarks2, frame1.shape[:2])
    part1, part2, flow, inside = (np.ascontiguousarray(array[box]) for array in (frame1, frame2, flow, valid))
    shape = inside.shape
    half = shape[0] // 2, shape[1] // 2
    points = landmarks1 - corner, landmarks2 - corner
    backward = _backward_at(half, part1, part2, *points, config or VariationalConfig())
    difference = 2 * forward_backward_difference(resized(extend(flow, inside), half) / 2, backward)
    part = photometric_confidence(part1, part2, flow, inside)
    part *= cv2.resize(agreement(difference), shape[::-1], interpolation=cv2.INTER_LINEAR)
    confidence = np.zeros(valid.shape, np.float32)
    confidence[box] = part
    return confidence


def _around(landmarks1, landmarks2, shape):
    """Return the part of the frame that the face is in, with room for the label's margin and its warping."""
    both = np.concatenate([landmarks1, landmarks2])
    room = 2 * _MARGIN * np.ptp(landmarks1, axis=0).max() + 8
    height, width = shape
    left, top = np.clip(np.floor(both.min(axis=0) - room), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(both.max(axis=0) + room), 0, (width, height)).astype(int)
    return np.s_[top:bottom, left:right], np.array([left, top], np.float32)


def _backward_at(shape, frame1, frame2, landmarks1, landmarks2, config):
    """Flow from frame 2 to frame 1 at half the size, from the landmarks and the pictures turned round."""
    smaller1, smaller2 = (resized(frame, shape) for frame in (frame1, frame2))
    # A pixel's centre is half a pixel in, at either size.
    points1, points2 = ((points + 0.5) / 2 - 0.5 for points in (landmarks1, landmarks2))
    start = extend(*mesh_label(points2, points1, shape))
    # Lengths in pixels halve with the picture; two warps are enough to tell a failure.
    config = replace(config, warps=(0, 2), detail=config.detail / 2, light=config.light / 2)
    return refine_flow(smaller2, smaller1, start, config)


def _grown(face: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    radius = max(1, round(float(np.ptp(landmarks, axis=0).max()) * _MARGIN))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(face.astype(np.uint8), disc).astype(bool)
