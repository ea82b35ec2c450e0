"""DFME: `sub0003_01/00000.png` and the sheets `training_full_with_AU.xlsx`, `testA...` and `testB...`.

Reference:
    Zhao et al., "DFME: A New Benchmark for Dynamic Facial Micro-Expression Recognition", IEEE Trans.
    Affective Computing 15(3), 2024.
"""

import re
from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_columns import DFME as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_sheets
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.reading import CorpusReading, Issue
from pipelines.errors import InputError

TITLE = "DFME"
#: The sheets; of each there is one at most. Without the training sheet a copy is one of the test sets.
PARTS = ("training_full_with_AU*", "testA*", "testB*")
LAYOUT = "training_full_with_AU.xlsx and folders such as sub0003_01"
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "others", "sadness", "surprise")
_CLIP = re.compile(r"sub\d+_\d+", re.IGNORECASE)


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheets, or by folders of clips beside each other."""
    return bool(_sheets(tree)) or any(_CLIP.fullmatch(path.name) for path in tree.folders(tree.root))


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus; the sheets that are present are joined.

    Raises:
        InputError: if there is no sheet, two of a part, or a sheet lacks a column.
    """
    sheets = _sheets(tree)
    if not sheets:
        raise InputError(f"{tree.root}: {TITLE} has {LAYOUT} in it; the coding sheet is missing")
    rows, issues = [], []
    for sheet in sheets.values():
        of_part, found = read_sheet(sheet, "Sheet1", COLUMNS)
        rows += of_part
        issues += found
    absent = [part.rstrip("*") for part in PARTS if part not in sheets]
    if absent:
        issues.append(Issue(TITLE, "skipped", f"sheets not present: {', '.join(absent)}"))
    folders = [(path.name, path) for path in tree.picture_folders(tree.root) if _CLIP.fullmatch(path.name)]
    reading = read_coded(tree, map(_coding, rows), folders, issues, EMOTIONS)
    reading.release = ", ".join(sheet.name for sheet in sheets.values())
    return reading


def _sheets(tree: FolderTree) -> dict[str, Path]:
    found = {}
    for part in PARTS:
        sheets = find_sheets(tree, (part,))
        if len(sheets) > 1:
            names = ", ".join(str(path.relative_to(tree.root)) for path in sheets)
            raise InputError(f"{tree.root}: has several coding sheets of a part ({names}); keep one of them")
        if sheets:
            found[part] = sheets[0]
    return found


def _subject(row: Row) -> str:
    """Return the subject of a row as folders have it, such as `sub0001`."""
    number = row.number("Subject")
    return row.text("Subject") if number is None else f"sub{number:04d}"


def _coding(row: Row) -> Coding:
    name = row.text("Filename")
    return Coding(
        where=row.where,
        subject=_subject(row),
        name=name,
        key=name,
        onset=row.number("OnsetFrame"),
        apex=row.number("ApexFrame"),
        offset=row.number("OffsetFrame"),
        units=row.text("AU"),
        emotion=row.text("Emotion"),
        rate=row.number("Fps"),
    )
