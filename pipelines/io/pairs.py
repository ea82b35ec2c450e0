"""Pair folders: two frames with the true motion between them, as files.

`NNNNN_img1.png`, `NNNNN_img2.png`, `NNNNN_flow.flo`, and where known `NNNNN_face.png`, `NNNNN_valid.png`,
`NNNNN_head.flo`, `NNNNN_occluded.png`, `NNNNN_regions.png`, `NNNNN_landmarks.csv`; `pairs.csv` has one row of
metadata a pair, with the columns `pair`, `subject` and whatever else is known of it.
"""

import csv
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from pipelines.io.flow_io import read_flow, write_flow
from pipelines.io.images import decode_image, read_images, write_image
from pipelines.landmarks.face_mesh import NUM_LANDMARKS


@dataclass(frozen=True, eq=False)
class Pair:
    """Two frames and what is known about the motion from the first to the second, on frame 1's grid.

    Attributes:
        name: the number in the file names, `NNNNN`.
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        flow: float32 [H, W, 2], pixels.
        valid: bool [H, W], where `flow` is known.
        face: bool [H, W], pixels of the face, if known.
        head: float32 [H, W, 2], the part of `flow` that the head's rigid motion makes, if known.
        occluded: bool [H, W], visible in frame 1 and hidden in frame 2, if known.
        regions: uint8 [H, W], as `face_mesh.region_map`, if known.
        landmarks1: float32 [478, 2], (x, y) in pixels, if known; `landmarks2` likewise.
        metadata: the pair's row of `pairs.csv`.
    """

    name: str
    frame1: np.ndarray
    frame2: np.ndarray
    flow: np.ndarray
    valid: np.ndarray
    face: np.ndarray | None = None
    head: np.ndarray | None = None
    occluded: np.ndarray | None = None
    regions: np.ndarray | None = None
    landmarks1: np.ndarray | None = None
    landmarks2: np.ndarray | None = None
    metadata: dict[str, str] = field(default_factory=dict)


_MASKS = ("face", "occluded")

_LANDMARK_COLUMNS = ("x1", "y1", "x2", "y2")

#: File with the settings of a folder that the renderer writes.
RENDER_SETTINGS = "render.json"

#: What a pair may have besides frames and flow.
SIDE_FILES = ("valid", *_MASKS, "regions", "head", "landmarks")


def list_pairs(folder: Path | str, *, with_flow: bool = True) -> list[str]:
    """Return the names of the pairs in a folder, in order.

    Args:
        folder: Pair folder.
        with_flow: Whether a pair must have a flow.

    Raises:
        InputError: if the folder is absent or holds no pair.
    """
    folder = check_exists(Path(folder))
    end = "_flow.flo" if with_flow else "_img1.png"
    names = sorted(path.name.removesuffix(end) for path in folder.glob(f"*{end}"))
    if not names:
        flow = ", 00000_flow.flo" if with_flow else ""
        raise InputError(f"{folder}: no pairs here (files like 00000_img1.png, 00000_img2.png{flow})")
    return names


def read_metadata(folder: Path | str) -> dict[str, dict[str, str]]:
    """Return the rows of `pairs.csv` by pair name; empty if the folder has no such file."""
    path = Path(folder) / "pairs.csv"
    if not path.exists():
        return {}
    try:
        # Excel begins its files with a byte order mark, which utf-8-sig takes off.
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save it as CSV UTF-8") from error
    if rows and "pair" not in rows[0]:
        raise InputError(f"{path}: there is no column `pair`")
    return {row["pair"]: row for row in rows}


def read_pair(
    folder: Path | str,
    name: str,
    metadata: dict[str, str] | None = None,
    side_files: Container[str] = SIDE_FILES,
) -> Pair:
    """Read one pair.

    Args:
        folder: the pair folder.
        name: name of the pair.
        metadata: the pair's row of `pairs.csv`, see `read_metadata`.
        side_files: names of the `SIDE_FILES` to read besides frames and flow, where they exist.

    Raises:
        InputError: if a file is absent, damaged, or of another size than frame 1.
    """
    stem = Path(folder) / name
    flow, valid = read_flow(f"{stem}_flow.flo")
    frame1, frame2 = read_images([f"{stem}_img1.png", f"{stem}_img2.png"])
    known = {"frame1": frame1, "frame2": frame2}
    files = {side: path for side, path in _side_files(stem).items() if side in side_files and path.exists()}
    for mask in ("valid", *_MASKS):
        if mask in files:
            # Of any depth: the conversion to 8 bits would lose the ones of a 16-bit mask.
            known[mask] = decode_image(files[mask], cv2.IMREAD_ANYDEPTH) > 0
    if "regions" in files:
        known["regions"] = decode_image(files["regions"], cv2.IMREAD_GRAYSCALE)
    if "head" in files:
        known["head"] = read_flow(files["head"])[0]
    for key, array in known.items():
        if array.shape[:2] != flow.shape[:2]:
            raise InputError(f"{stem}: {key} is {_size(array)}, but the flow is {_size(flow)}")
    valid = valid & known.pop("valid", True)
    if "landmarks" in files:
        known |= _read_landmarks(files["landmarks"])
    return Pair(name=name, flow=flow, valid=valid, metadata=metadata or {}, **known)


def write_pair(folder: Path | str, pair: Pair) -> None:
    """Write the files of one pair; the flow comes last, so that a pair that is listed is whole."""
    stem = Path(folder) / pair.name
    write_image(f"{stem}_img1.png", pair.frame1)
    write_image(f"{stem}_img2.png", pair.frame2)
    for mask in _MASKS:
        if (array := getattr(pair, mask)) is not None:
            write_image(f"{stem}_{mask}.png", array.astype(np.uint8) * 255)
    if pair.regions is not None:
        write_image(f"{stem}_regions.png", pair.regions)
    if pair.head is not None:
        write_flow(f"{stem}_head.flo", pair.head)
    if pair.landmarks1 is not None:
        with replacing(f"{stem}_landmarks.csv") as part:
            # Nine digits are enough to read the same float32 back.
            np.savetxt(
                *(part, np.hstack([pair.landmarks1, pair.landmarks2]), "%.9g", ","),
                header=",".join(_LANDMARK_COLUMNS),
                comments="",
            )
    write_flow(f"{stem}_flow.flo", pair.flow, pair.valid)


def write_metadata(folder: Path | str, rows: Iterable[dict]) -> None:
    """Write `pairs.csv`; every row has the same keys, `pair` and `subject` among them."""
    rows = list(rows)
    with replacing(Path(folder) / "pairs.csv") as part, part.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _side_files(stem: Path) -> dict[str, Path]:
    suffixes = {"head": "flo", "landmarks": "csv"}
    return {side: Path(f"{stem}_{side}.{suffixes.get(side, 'png')}") for side in SIDE_FILES}


def _read_landmarks(path: Path) -> dict[str, np.ndarray]:
    try:
        header, *rows = path.read_text(encoding="utf-8-sig").splitlines()
        points = np.array([row.split(",") for row in rows if row.strip()], np.float32)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a table of landmarks ({error})") from error
    columns = [name.strip() for name in header.split(",")]
    if columns != list(_LANDMARK_COLUMNS) or points.shape != (NUM_LANDMARKS, 4):
        raise InputError(
            f"{path}: landmarks are a table with the columns {', '.join(_LANDMARK_COLUMNS)} and "
            f"{NUM_LANDMARKS} rows, not {', '.join(columns)} and {len(points)}"
        )
    if not np.isfinite(points).all():
        raise InputError(f"{path}: landmarks must be finite numbers")
    return {"landmarks1": points[:, :2].copy(), "landmarks2": points[:, 2:].copy()}


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
