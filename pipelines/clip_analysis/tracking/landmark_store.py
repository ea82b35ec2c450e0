"""Landmarks of all frames of a clip in a file, so a long clip needs no more memory than a short one."""

from pathlib import Path

import numpy as np

from pipelines.landmarks.face_mesh import NUM_LANDMARKS

_ROW = NUM_LANDMARKS * 2  # numbers per frame


class LandmarkStore:
    """File with the landmarks of each frame, which are added in order and read in any order.

    Args:
        path: path of the file. Existing content is kept, so interrupted work can continue.
    """

    def __init__(self, path: Path | str):
        self._file = open(path, "a+b")  # noqa: SIM115 (closed by `close`)

    def __len__(self) -> int:
        self._file.flush()
        return self._file.seek(0, 2) // (4 * _ROW)

    def add(self, landmarks: np.ndarray | None) -> None:
        """Add the landmarks of the next frame: float32 [478, 2], or None without a face."""
        row = np.full(_ROW, np.nan, np.float32) if landmarks is None else landmarks.astype(np.float32)
        self._file.write(row.tobytes())

    def __getitem__(self, number: int) -> np.ndarray | None:
        """Return the landmarks of a frame, float32 [478, 2], or None without a face."""
        self._file.flush()
        self._file.seek(4 * _ROW * number)
        data = self._file.read(4 * _ROW)
        if len(data) < 4 * _ROW:
            raise IndexError(number)
        points = np.frombuffer(data, np.float32).reshape(NUM_LANDMARKS, 2)
        return None if np.isnan(points[0, 0]) else points

    def close(self) -> None:
        """Close the file."""
        self._file.close()
