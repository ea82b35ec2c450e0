"""The 68 landmarks that other programs have found: OpenFace, py-feat, dlib, and 300-W annotations.

| kind | file | frames are counted | pixels are counted |
|---|---|---|---|
| `openface` | CSV of FeatureExtraction, FaceLandmarkVidMulti or FaceLandmarkImg | from 1 | from 0 |
| `pyfeat` | CSV of a `Fex` of py-feat | from 0 | from 0 |
| `pts` | a `.pts` file a frame, or a folder of them, of dlib's points | in the order of names | from 0 |
| `ibug` | the same, as annotations of 300-W are handed out | in the order of names | from 1 |

References:
    Baltrusaitis et al., "OpenFace 2.0: Facial Behavior Analysis Toolkit", FG 2018.
    Cheong et al., "Py-Feat: Python Facial Expression Analysis Toolbox", Affective Science 4, 2023.
    Sagonas et al., "300 Faces In-the-Wild Challenge", ICCV Workshops 2013.
"""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists
from pipelines.io.video import numeric_order

KINDS = ("openface", "pyfeat", "pts", "ibug")
POINTS = 68
#: Confidence of a detection below which its points do not count.
MIN_CONFIDENCE = 0.7

_COORDINATES = [f"{axis}_{k}" for axis in "xy" for k in range(POINTS)]


@dataclass(frozen=True, eq=False)
class LandmarkTable:
    """Landmarks of the frames of a clip.

    Attributes:
        points: for each frame float32 [68, 2], (x, y) in pixels, the centre of the first pixel is (0, 0);
            None where there are none.
        issues: what was wrong with the file, and what was done.
    """

    points: list[np.ndarray | None]
    issues: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Detection:
    frame: int
    face: str | None
    confidence: float
    points: np.ndarray | None

    @property
    def is_unsure(self) -> bool:
        return self.confidence < MIN_CONFIDENCE


def parse_source(text: str) -> tuple[str, tuple[Path, ...]]:
    """Return kind and files of `KIND:FILE` or `KIND:FILE1,FILE2`.

    >>> parse_source("openface:clip.csv")
    ('openface', (PosixPath('clip.csv'),))

    Raises:
        InputError: for another form or kind.
    """
    kind, colon, files = text.partition(":")
    if kind not in KINDS or not colon or not files:
        raise InputError(f"landmarks {text!r}: write KIND:FILE, where KIND is one of: {', '.join(KINDS)}")
    return kind, tuple(map(Path, files.split(",")))


def read_landmarks(kind: str, path: Path, frames: int | None = None) -> LandmarkTable:
    """Read the landmarks of a clip.

    Of several faces in the file one is taken: the one that is there in most frames, of those the largest.
    Detections with a confidence below `MIN_CONFIDENCE` are no faces.

    Args:
        kind: one of `KINDS`.
        path: the file; of `pts` and `ibug` a folder as well.
        frames: number of frames of the clip; by default as many as the file has.

    Raises:
        InputError: if the file cannot be read, has no such landmarks, or has rows of frames that the clip
            does not have.
    """
    check_exists(path)
    if kind in ("pts", "ibug"):
        return _read_pts(path, 1.0 if kind == "ibug" else 0.0, frames)
    detections, issues = _read_csv(kind, path), []
    # Without its points, before a face is chosen: a false detection may be the largest, or in most frames.
    unsure = {one.frame for one in detections if one.points is not None and one.is_unsure}
    detections = [replace(one, points=None) if one.is_unsure else one for one in detections]
    by_frame: dict[int, list[_Detection]] = defaultdict(list)
    for detection in detections:
        by_frame[detection.frame].append(detection)
    several = sum(len(found) > 1 for found in by_frame.values())
    if several:
        issues.append(f"{several} frame(s) with several faces; using the one that is in most frames")
        detections = _one_face(by_frame)
    last = max(by_frame)
    if frames is not None and last >= frames:
        first = 1 if kind == "openface" else 0
        raise InputError(
            f"{path}: has a row for frame {last + first}, the clip has {frames} frames (counted from "
            f"{first}); is it of another clip?"
        )
    points: list[np.ndarray | None] = [None] * (last + 1 if frames is None else frames)
    for detection in detections:
        points[detection.frame] = detection.points
    if dropped := sum(points[frame] is None for frame in unsure):
        issues.append(
            f"{dropped} frame(s) with a confidence below {MIN_CONFIDENCE:g}; counted as without a face"
        )
    absent = len(points) - len(by_frame)
    if absent:
        issues.append(f"{absent} of {len(points)} frame(s) have no row; counted as without a face")
    _check_any(path, points)
    return LandmarkTable(points, tuple(issues))


def read_pair_landmarks(source: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[str, ...]]:
    """Read the landmarks of two pictures.

    Args:
        source: `KIND:FILE1,FILE2`, a file for each picture; or `KIND:FILE`, one with both, in their order.

    Returns:
        (float32 [68, 2] of each picture, issues).

    Raises:
        InputError: as `parse_source` and `read_landmarks`, or if there are not two pictures.
    """
    kind, paths = parse_source(source)
    tables = [read_landmarks(kind, path) for path in paths]
    frames = [points for table in tables for points in table.points]
    if len(paths) > 2 or len(frames) != 2 or (len(paths) == 2 and len(tables[0].points) != 1):
        counts = ", ".join(f"{path}: {len(table.points)}" for path, table in zip(paths, tables, strict=True))
        raise InputError(f"landmarks of two pictures are needed, one a file or both in one ({counts})")
    if any(points is None for points in frames):
        raise InputError(f"{', '.join(map(str, paths))}: one of the two pictures has no landmarks of a face")
    return (frames[0], frames[1]), tuple(issue for table in tables for issue in table.issues)


def _check_any(path: Path, points: list[np.ndarray | None]) -> None:
    if all(point is None for point in points):
        raise InputError(f"{path}: no landmarks of a face in it")


def _read_csv(kind: str, path: Path) -> list[_Detection]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            header = [name.strip() for name in next(reader, [])]
            column = {name: k for k, name in reversed(list(enumerate(header)))}
            if absent := [name for name in _COORDINATES if name not in column]:
                hint = " (run OpenFace with -2Dfp)" if kind == "openface" else ""
                raise InputError(f"{path}: no column {absent[0]}: no 2D landmarks of {kind} in it{hint}")
            at = [column[name] for name in _COORDINATES]
            rows = [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error, IsADirectoryError) as error:
        raise InputError(f"{path}: not a CSV file ({error})") from error
    make = _openface if kind == "openface" else _pyfeat
    found = []
    for number, row in enumerate(rows):
        try:
            points = np.array([float(row[k] or "nan") for k in at], np.float32).reshape(2, POINTS).T
            known = points if np.isfinite(points).all() else None
            found.append(make(number, {name: row[k].strip() for name, k in column.items()}, known))
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}: row {number + 2} is damaged ({error})") from error
    if not found:
        raise InputError(f"{path}: no rows in it")
    return found


def _openface(number: int, row: dict[str, str], points: np.ndarray | None) -> _Detection:
    # FaceLandmarkImg has no frames: all rows are faces of one picture.
    frame = int(float(row["frame"])) - 1 if "frame" in row else 0
    if frame < 0:
        raise ValueError(f"frame {row['frame']}, but OpenFace counts from 1")
    lost = (
        "success" in row and float(row["success"]) < 1
    )  # its points are those of the last frame that had any
    face = row.get("face_id", row.get("face"))
    return _Detection(frame, face, float(row.get("confidence", 1)), None if lost else points)


def _pyfeat(number: int, row: dict[str, str], points: np.ndarray | None) -> _Detection:
    frame = int(float(row["frame"])) if row.get("frame") else number
    if frame < 0:
        raise ValueError(f"frame {row['frame']}, but py-feat counts from 0")
    score = float(row.get("FaceScore") or "nan")
    return _Detection(frame, row.get("Identity") or None, score if np.isfinite(score) else 1.0, points)


def _one_face(by_frame: dict[int, list[_Detection]]) -> list[_Detection]:
    """Choose one face: by its name if faces have names, else by following the largest from frame to frame."""
    everything = [detection for found in by_frame.values() for detection in found]
    ids = {detection.face for detection in everything}
    if None not in ids and len(ids) < len(everything):
        merit = {
            face: (
                sum(one.points is not None for one in everything if one.face == face),
                np.mean([_size(one.points) for one in everything if one.face == face]),
            )
            for face in ids
        }
        chosen = max(ids, key=lambda face: merit[face])
        return [detection for detection in everything if detection.face == chosen]
    followed, last = [], None
    for frame in sorted(by_frame):
        found = by_frame[frame]
        if last is None:
            best = max(found, key=lambda one: _size(one.points))
        else:
            best = min(found, key=lambda one: _distance(one.points, last))
        last = best.points if best.points is not None else last
        followed.append(best)
    return followed


def _size(points: np.ndarray | None) -> float:
    return 0.0 if points is None else float(np.ptp(points, axis=0).prod())


def _distance(points: np.ndarray | None, last: np.ndarray) -> float:
    return np.inf if points is None else float(np.linalg.norm(points - last, axis=-1).mean())


def _read_pts(path: Path, first: float, frames: int | None) -> LandmarkTable:
    files = sorted(path.glob("[!.]*.pts"), key=numeric_order) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no .pts files in it")
    points: list[np.ndarray | None] = [read_pts(file) - np.float32(first) for file in files]
    if frames is not None and len(points) != frames:
        raise InputError(
            f"{path}: {len(points)} .pts file(s), the clip has {frames} frames; one is needed for each frame"
        )
    return LandmarkTable(points)


def read_pts(path: Path) -> np.ndarray:
    """Read a `.pts` file: float32 [68, 2], (x, y) as they are written.

    Raises:
        InputError: if it is not one, or has another number of points.
    """
    try:
        text = path.read_text()
        body = re.search(r"\{(.*)\}", text, re.DOTALL)
        points = np.array([line.split() for line in body[1].strip().splitlines()], np.float32)
        if points.shape[1:] != (2,) or not np.isfinite(points).all():
            raise ValueError("not two numbers a line")
    except (UnicodeDecodeError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a .pts file ({error})") from error
    if len(points) != POINTS:
        raise InputError(f"{path}: {len(points)} points; {POINTS} are needed")
    return points
