"""Pair folders: two frames with the true motion between them, as files.

`NNNNN_img1.png`, `NNNNN_img2.png`, `NNNNN_flow.flo`, and where known `NNNNN_face.png`, `NNNNN_valid.png`,
`NNNNN_head.flo`, `NNNNN_occluded.png`, `NNNNN_regions.png`, `NNNNN_landmarks.npz`; `pairs.csv` has one row a
pair, with the columns `pair`, `subject` and whatever else is known of it.
"""

import csv
import io
import zipfile
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from pipelines.io.flow_io import read_flow, write_flow
from pipelines.io.images import decode_image, read_image, write_image
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
        facts: the pair's row of `pairs.csv`.
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
    facts: dict[str, str] = field(default_factory=dict)


_MASKS = ("face", "occluded")

# How NumPy describes landmarks as `write_pair` stores them. NumPy has Python parse this, which fails now and
# then ("SystemError: AST constructor recursion depth mismatch") where another thread parses too, as
# TensorFlow does while it traces a training step.
_LANDMARKS = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({NUM_LANDMARKS}, 2), }}".encode()

#: What a pair may have besides frames and flow.
SIDE_FILES = ("valid", *_MASKS, "regions", "head", "landmarks")


def list_pairs(folder: Path | str) -> list[str]:
    """Return the names of the pairs in a folder, in order.

    Raises:
        InputError: if the folder is absent or holds no pair.
    """
    folder = check_exists(Path(folder))
    names = sorted(path.name.removesuffix("_flow.flo") for path in folder.glob("*_flow.flo"))
    if not names:
        raise InputError(
            f"{folder}: no pairs here (files like 00000_img1.png, 00000_img2.png, 00000_flow.flo)"
        )
    return names


def read_facts(folder: Path | str) -> dict[str, dict[str, str]]:
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
    facts: dict[str, str] | None = None,
    side_files: Container[str] = SIDE_FILES,
) -> Pair:
    """Read one pair.

    Args:
        folder: the pair folder.
        name: of the pair.
        facts: its row of `pairs.csv`, which is read apart.
        side_files: which of `SIDE_FILES` to look for besides frames and flow.

    Raises:
        InputError: if a file is absent, damaged, or of another size than frame 1.
    """
    stem = Path(folder) / name
    flow, valid = read_flow(f"{stem}_flow.flo")
    known = {"frame1": read_image(f"{stem}_img1.png"), "frame2": read_image(f"{stem}_img2.png")}
    files = {side: path for side, path in _side_files(stem).items() if side in side_files and path.exists()}
    if "valid" in files:
        valid = valid & _read_grey(files["valid"]).astype(bool)
    for mask in _MASKS:
        if mask in files:
            known[mask] = _read_grey(files[mask]) > 0
    if "regions" in files:
        known["regions"] = _read_grey(files["regions"])
    if "head" in files:
        known["head"] = read_flow(files["head"])[0]
    for key, array in known.items():
        if array.shape[:2] != flow.shape[:2]:
            raise InputError(f"{stem}: {key} is {_size(array)}, but the flow is {_size(flow)}")
    if "landmarks" in files:
        known |= _read_landmarks(files["landmarks"])
    return Pair(name=name, flow=flow, valid=valid, facts=facts or {}, **known)


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
        with replacing(f"{stem}_landmarks.npz") as part:
            np.savez(part, landmarks1=pair.landmarks1, landmarks2=pair.landmarks2)
    write_flow(f"{stem}_flow.flo", pair.flow, pair.valid)


def write_facts(folder: Path | str, rows: Iterable[dict]) -> None:
    """Write `pairs.csv`; every row has the same keys, `pair` and `subject` among them."""
    rows = list(rows)
    with replacing(Path(folder) / "pairs.csv") as part, part.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _side_files(stem: Path) -> dict[str, Path]:
    suffixes = {"head": "flo", "landmarks": "npz"}
    return {side: Path(f"{stem}_{side}.{suffixes.get(side, 'png')}") for side in SIDE_FILES}


def _read_grey(path: Path) -> np.ndarray:
    return decode_image(path, cv2.IMREAD_GRAYSCALE)


def _read_landmarks(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            landmarks = {key: _read_points(archive, key) for key in ("landmarks1", "landmarks2")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an archive with `landmarks1` and `landmarks2` ({error})") from error
    for key, points in landmarks.items():
        if points.shape != (NUM_LANDMARKS, 2) or not np.isfinite(points).all():
            raise InputError(f"{path}: {key} must be {NUM_LANDMARKS} finite points, not {points.shape}")
    return landmarks


def _read_points(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    content = archive.read(f"{name}.npy")
    start = 10 + int.from_bytes(content[8:10], "little")  # of the numbers, in version 1 of the format
    if content[10:start].strip() == _LANDMARKS:
        return np.frombuffer(content, "<f4", offset=start).reshape(NUM_LANDMARKS, 2).astype(np.float32)
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False).astype(np.float32)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
