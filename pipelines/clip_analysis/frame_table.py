"""Table of head, eyes and quality: one row per frame of a clip."""

import cv2
import numpy as np

from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.head_pose import CLOSED_BELOW, eye_openings, head_pose
from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop
from pipelines.landmarks.face_mesh import face_mask
from pipelines.landmarks.head_motion import STABLE

#: Columns of `frames.csv`.
FRAME_COLUMNS = (
    "frame", "time_s", "status", "reference", "yaw_deg", "pitch_deg", "roll_deg", "head_x_px", "head_y_px",
    "head_x_mm", "head_y_mm", "eye_opening_right", "eye_opening_left", "eyes_closed", "face_size_px",
    "sharpness", "copied", "agreement", "valid",
)  # fmt: skip

_BLOCK = 8  # pixels on a side of the smallest block that common encoders copy as a whole


class FrameTable:
    """Rows of `frames.csv`.

    Args:
        reference: crop of the reference frame.
        mm_per_pixel: millimetres per pixel of the 224 x 224 crop.
    """

    def __init__(self, reference: ReferenceCrop, mm_per_pixel: float):
        self._reference, self._mm_per_pixel = reference, mm_per_pixel
        self._pose = head_pose(reference.to_frame(reference.landmarks))
        self._openings = np.maximum(eye_openings(reference.landmarks), 1e-6)
        self._sharpness = max(_sharpness(reference.picture, reference.face), 1e-6)
        columns, rows = np.rint(reference.landmarks[STABLE].T).astype(int).clip(0, reference.size - 1)
        self._points = rows, columns  # which move little with the expression
        self._before: tuple[int, np.ndarray] | None = None  # number and picture

    def openings(self, frame: ClipFrame) -> np.ndarray:
        """Return the opening of the right and left eye relative to the reference; NaN without a face."""
        if frame.landmarks is None:
            return np.full(2, np.nan)
        return eye_openings(frame.landmarks) / self._openings

    def row(self, frame: ClipFrame, seconds: float) -> dict[str, object]:
        """Return the row of a frame, by the names of `FRAME_COLUMNS`; unknown cells are empty."""
        row = row_without_reference(frame, seconds)
        row["reference"] = self._reference.number
        before, self._before = self._before, (frame.number, frame.picture)
        if frame.landmarks is None:
            return row
        if before and before[0] == frame.number - 1 and before[1].shape == frame.picture.shape:
            row["copied"] = f"{copied_share(frame.picture, before[1], frame.landmarks):.3f}"
        pose = head_pose(frame.landmarks)
        for name in ("yaw", "pitch", "roll"):
            turn = getattr(pose, name) - getattr(self._pose, name)
            row[f"{name}_deg"] = f"{(turn + 180) % 360 - 180:.3f}"  # the shorter way round
        openings = self.openings(frame)
        row["eye_opening_right"], row["eye_opening_left"] = (f"{each:.3f}" for each in openings)
        row["eyes_closed"] = int(openings.mean() < CLOSED_BELOW)
        row["face_size_px"] = f"{np.ptp(frame.landmarks, axis=0).max():.1f}"
        if frame.motion is None or frame.status == "lost":
            return row
        x, y = frame.motion.head[self._points].mean(axis=0) * self._reference.aligned_scale
        row |= {"head_x_px": f"{x:.4f}", "head_y_px": f"{y:.4f}"}
        row |= {"head_x_mm": f"{x * self._mm_per_pixel:.4f}", "head_y_mm": f"{y * self._mm_per_pixel:.4f}"}
        row["sharpness"] = f"{_sharpness(frame.motion.picture, self._reference.face) / self._sharpness:.3f}"
        row["agreement"] = f"{frame.motion.agreement:.4f}"
        row["valid"] = f"{frame.motion.valid[self._reference.face].mean():.3f}"
        return row


def row_without_reference(frame: ClipFrame, seconds: float) -> dict[str, object]:
    """Return the row of a frame of a shot without a face: most cells are empty."""
    known = {"frame": frame.number, "time_s": f"{seconds:.4f}", "status": frame.status}
    return dict.fromkeys(FRAME_COLUMNS, "") | known


def copied_share(picture: np.ndarray, before: np.ndarray, landmarks: np.ndarray) -> float:
    """Return the share of the face whose pixels are exact copies of the frame before.

    Cameras are never that still. An encoder that saves bits repeats what changes little, block by block.

    Args:
        picture: a frame, uint8 [H, W, 3].
        before: the frame before it, uint8 [H, W, 3].
        landmarks: landmarks of the face, float [478, 2], pixels of the frame.

    Returns:
        Share of the blocks of 8 x 8 pixels that lie in the face, 0 to 1; 0 if there are none.
    """
    rows, columns = (side // _BLOCK for side in picture.shape[:2])
    # Block b is centred on pixel 8 b + 3.5.
    face = face_mask((landmarks - (_BLOCK - 1) / 2) / _BLOCK, (rows, columns))
    if not face.any():
        return 0.0
    blocks = np.nonzero(face)
    inside = tuple(slice(each.min(), each.max() + 1) for each in blocks)
    part = tuple(slice(each.start * _BLOCK, each.stop * _BLOCK) for each in inside)
    same = picture[part] == before[part]
    height, width = (side // _BLOCK for side in same.shape[:2])
    # The contiguous axis first: it is the longest.
    same = same.reshape(height, _BLOCK, width, -1).all(axis=3).all(axis=1)
    return float(same[face[inside]].mean())


def _sharpness(picture: np.ndarray, face: np.ndarray) -> float:
    """Return the standard deviation of the Laplacian over the face (Pech-Pacheco et al., ICPR 2000)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[face].std()) if face.any() else 0.0
