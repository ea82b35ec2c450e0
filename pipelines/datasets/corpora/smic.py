"""SMIC-HS: `SMIC_HS_E/s20/s20_ne_01/image17581039.jpg` or `HS/s01/micro/negative/s01_ne_01/`, and a sheet.

The sheet `SMIC-HS-E_annotation.xlsx` has no apex: the midpoint stands for it. A long clip may hold two
micro-expressions; each becomes a clip of its own, and they share no frame.

Reference:
    Li et al., "A Spontaneous Micro-expression Database: Inducement, Collection and Baseline", FG 2013.
"""

import re
from dataclasses import replace
from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_columns import SMIC as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import loosely, numbered_frames
from pipelines.datasets.reading import CorpusReading, Issue

TITLE = "SMIC"
#: Folders of frames in the releases; the first that is there is read.
FOLDERS = ("SMIC_HS_E", "SMIC-HS-E", "HS")
SHEETS = ("SMIC-HS-E_annotation*",)
LAYOUT = f"SMIC-HS-E_annotation.xlsx and {', '.join(FOLDERS[:-1])} or {FOLDERS[-1]}"
EMOTIONS = ("negative", "positive", "surprise")
_APEX = "ApexF"  # not coded, but some add the column
_FIRST = "FirstF"
_CLIP = re.compile(r"s\d+_(ne|po|sur)_\d+", re.IGNORECASE)


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folders' names."""
    if find_sheet(tree, SHEETS) is not None:
        return True
    subjects = tree.folders(tree.root / "HS")
    if any("micro" in tree.listing(path).folders for path in subjects if path.name.startswith("s")):
        return True
    return any(tree.has(name) for name in FOLDERS if name != "HS")


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are missing, or the sheet lacks a column.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues = read_sheet(sheet, "HS", COLUMNS, optional=(_APEX, _FIRST))
    # HS also has `non_micro` clips, which are called otherwise.
    folders = [(path.name, path) for path in tree.picture_folders(roots[0]) if _CLIP.fullmatch(path.name)]
    by_name = {loosely(name): path for name, path in reversed(folders)}
    codings = [coding for row in rows for coding in _codings(row, _counter(tree, row, by_name))]
    issues += [
        Issue(
            coding.name,
            "repaired",
            f"{coding.where}: second expression in the same folder; made a clip of its own",
        )
        for coding in codings
        if coding.name != coding.key
    ]
    reading = read_coded(tree, codings, folders, issues, EMOTIONS)
    reading.release = f"{sheet.name}, {roots[0].name}"
    return reading


def _counter(tree: FolderTree, row: Row, folders: dict[str, Path]) -> int | None:
    """Return the camera's counter at the first frame, where the files are numbered from 0 or 1 instead."""
    first, path = row.number(_FIRST), folders.get(loosely(row.text("Filename")))
    if first is None or path is None:
        return None
    numbers = numbered_frames(tree, path).numbers
    return first if numbers and numbers[0] <= 1 < first else None


def _codings(row: Row, counter: int | None) -> list[Coding]:
    name = row.text("Filename")
    subject = row.text("Subject").lower().removeprefix("s").zfill(2)
    one = Coding(
        where=row.where,
        subject=f"s{subject}",
        name=name,
        key=name,
        onset=row.number("OnsetF"),
        apex=row.number(_APEX),
        offset=row.number("OffsetF"),
        units="",
        emotion=row.text("Emotion"),
        counted_from=counter,
        repairs=() if counter is None else (f"frames numbered from the first one; it is frame {counter}",),
    )
    onset, offset = row.number("Onset2F"), row.number("Offset2F")
    if onset is None or onset <= 0:  # some write 0 for none
        return [one]
    if one.onset is not None and onset <= one.onset:
        reason = f"second onset {onset} is not after the first; not read"
        return [replace(one, repairs=(*one.repairs, reason))]
    has_end = one.offset is not None and one.offset > max(one.onset or 0, 0)
    middle = (one.offset + onset) // 2 if has_end else onset - 1
    return [
        replace(one, last=middle),
        replace(one, name=f"{name}_2", onset=onset, apex=None, offset=offset, first=middle + 1),
    ]
