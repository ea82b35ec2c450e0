"""Motion magnification of a face: a frame is warped by a multiple of its own flow.

The flow gives the position of a mesh over the face in the frame, and the magnified flow gives its position in
the magnified frame. Every triangle is filled from the frame itself. So nothing is blended over time, and blur
does not grow along the clip. Where lips or lids part, the triangles between them show the frame's own
content.
"""

import cv2
import numpy as np

from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop
from pipelines.clip_analysis.tracking.tracker import TrackedMotion
from pipelines.image.bicubic import sample_bicubic
from pipelines.image.warping import pixel_grid
from pipelines.labels.mesh import interpolate_triangles

#: Width and height of magnified pictures, pixels.
MAGNIFIED_SIZE = 384

_STEP = 2  # pixels of the crop between vertices
_FADE = 9.0  # standard deviation of the fading at the outline of the face, pixels of the aligned crop
_MOST = 11.0  # largest added motion, pixels of the aligned crop of 224 pixels
_NOISE = 0.08  # pixels: motion as small as this is not magnified
_SMOOTH = 1.5  # standard deviation, pixels of the crop


def face_view(frame: np.ndarray, reference: ReferenceCrop) -> np.ndarray:
    """Return the part of a frame that the magnified picture shows, uint8 [384, 384, 3], RGB."""
    return _read(frame, reference, _grid(reference))


def magnified(
    frame: np.ndarray, reference: ReferenceCrop, motion: TrackedMotion, factor: float
) -> np.ndarray:
    """Return a frame in which the motion of the face relative to the head is magnified.

    Args:
        frame: frame of a clip, uint8 [H, W, 3], RGB.
        reference: crop of the reference frame.
        motion: motion of the frame.
        factor: magnification factor; 1 changes nothing. Large motion is magnified less: the added motion
            stays below 11 pixels of the aligned crop (224 x 224), because a stronger distortion does not look
            like a face.

    Returns:
        Magnified picture, uint8 [384, 384, 3], RGB. The motion of the head is not magnified.
    """
    zoom, size = _zoom(reference), reference.size
    own = cv2.GaussianBlur(motion.expression, (0, 0), _SMOOTH)
    squared = np.square(own).sum(axis=-1, keepdims=True)
    own = own * (squared / (squared + _NOISE**2))
    weight = cv2.GaussianBlur(_eroded(motion, reference), (0, 0), _FADE / reference.aligned_scale)[..., None]
    here = (pixel_grid((size, size)) + motion.flow)[::_STEP, ::_STEP].reshape(-1, 2)
    more = ((factor - 1) * own)[::_STEP, ::_STEP].reshape(-1, 2)
    length = np.maximum(np.linalg.norm(more, axis=-1, keepdims=True), 1e-6)
    most = _MOST / reference.aligned_scale
    more = more * (most * np.tanh(length / most) / length) * weight[::_STEP, ::_STEP].reshape(-1, 1)
    rows = len(range(0, size, _STEP))
    # The triangles that move most are drawn last, so they lie on top where the mesh folds.
    triangles = _grid_triangles(rows, np.linalg.norm(more, axis=-1))
    # Both pictures show the same area; pixel p is centred on p + 1/2.
    where = ((here + more + 0.5) * zoom - 0.5).astype(np.float64)
    shape = (MAGNIFIED_SIZE, MAGNIFIED_SIZE)
    step, known = interpolate_triangles(where, (-more).astype(np.float64), triangles, *shape)
    return _read(frame, reference, _grid(reference) + np.where(known[..., None], step, 0).astype(np.float32))


def _grid(reference: ReferenceCrop) -> np.ndarray:
    """Return where the pixels of the magnified picture lie in the crop, float32 [384, 384, 2]."""
    return (pixel_grid((MAGNIFIED_SIZE, MAGNIFIED_SIZE)) + 0.5) / np.float32(_zoom(reference)) - 0.5


def _zoom(reference: ReferenceCrop) -> float:
    return MAGNIFIED_SIZE / reference.size


def _eroded(motion: TrackedMotion, reference: ReferenceCrop) -> np.ndarray:
    margin = max(3, round(2 * _FADE / reference.aligned_scale))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
    return cv2.erode(reference.face.astype(np.uint8), kernel, borderValue=0).astype(np.float32)


def _grid_triangles(rows: int, lengths: np.ndarray) -> np.ndarray:
    index = np.arange(rows * rows).reshape(rows, rows)
    a, b, c, d = (each.ravel() for each in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).astype(np.int32)
    return triangles[np.argsort(lengths[triangles].max(axis=1), kind="stable")]


def _read(frame: np.ndarray, reference: ReferenceCrop, points: np.ndarray) -> np.ndarray:
    """Read a frame at points of the crop."""
    at = reference.to_frame(points)
    low = np.clip(np.floor(at.min(axis=(0, 1))) - 3, 0, np.array(frame.shape[1::-1]) - 1).astype(int)
    high = np.clip(np.ceil(at.max(axis=(0, 1))) + 4, low + 1, frame.shape[1::-1]).astype(int)
    part = frame[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    return np.clip(np.rint(sample_bicubic(part, at - low.astype(np.float32))), 0, 255).astype(np.uint8)
