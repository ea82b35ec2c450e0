"""MMEW: `Micro_Expression/happiness/S01-01-001/1.jpg` and the sheet `MMEW_Micro_Exp.xlsx`.

Folders lie below the emotion; the subject is in the sheet alone.

Reference:
    Ben et al., "Video-Based Facial Micro-Expression Analysis: A Survey of Datasets, Features and Algorithms",
    IEEE Trans. Pattern Analysis and Machine Intelligence 44(9), 2022.
"""

from dataclasses import replace
from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_columns import CASME2 as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import loosely
from pipelines.datasets.reading import CorpusReading

TITLE = "MMEW"
SHEETS = ("MMEW_Micro_Exp*",)
FOLDERS = ("Micro_Expression", "Micro_Expressions")
LAYOUT = f"MMEW_Micro_Exp.xlsx and {FOLDERS[0]}"
EMOTIONS = ("anger", "disgust", "fear", "happiness", "others", "sadness", "surprise")
RATE = 90.0


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folders of emotions."""
    if find_sheet(tree, SHEETS) is not None:
        return True
    places = [path.name.lower() for name in FOLDERS for path in tree.folders(tree.root / name)]
    return len({*places} & {*EMOTIONS}) > 1


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are missing, or the sheet lacks a column.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues = read_sheet(sheet, "Sheet1", COLUMNS)
    folders = [(path.name, path) for path in tree.picture_folders(roots[0])]
    places = {loosely(name): path for name, path in reversed(folders)}
    codings = [_coding(row, places) for row in rows]
    reading = read_coded(tree, codings, folders, issues, EMOTIONS)
    reading.release = sheet.name
    return reading


def _coding(row: Row, places: dict[str, Path]) -> Coding:
    name, subject = row.text("Filename"), row.text("Subject")
    number = row.number("Subject")
    subject = subject if number is None else f"S{number:02d}"
    coding = Coding(
        where=row.where,
        subject=subject,
        name=name,
        key=name,
        onset=row.number("OnsetFrame"),
        apex=row.number("ApexFrame"),
        offset=row.number("OffsetFrame"),
        units=row.text("Action Units"),
        emotion=row.text("Estimated Emotion"),
        rate=RATE,
    )
    path = places.get(loosely(name))
    if path is None or path.parent.name.lower() == coding.emotion.lower():
        return coding
    in_sheet = coding.emotion or "nothing"
    reason = f"lies in the folder {path.parent.name}, the sheet says {in_sheet}; using the sheet"
    return replace(coding, repairs=(reason,))
