"""SAMM: `006/006_1_2/006_05562.jpg` and the sheet `SAMM_Micro_FACS_Codes_v2.xlsx`.

Reference:
    Davison et al., "SAMM: A Spontaneous Micro-Facial Movement Dataset", IEEE Trans. Affective Computing 9(1),
    2018.
"""

import re

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_columns import SAMM as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.reading import CorpusReading

TITLE = "SAMM"
SHEETS = ("*Micro_FACS_Codes*",)
LAYOUT = "SAMM_Micro_FACS_Codes_v2.xlsx and folders such as 006/006_1_2"
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happiness", "other", "sadness", "surprise")
LONG_VIDEOS = "SAMM_longvideos"
_CLIP = re.compile(r"\d{3}_\d+_\d+")


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet alone, which SAMM Long Videos may have too; there it comes with that one's folder."""
    if find_sheet(tree, SHEETS) is None:
        return False
    return not tree.has(LONG_VIDEOS) or any(
        re.fullmatch(r"\d{3}", path.name) for path in tree.folders(tree.root)
    )


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet lacks a column.
    """
    sheet = find_sheet(tree, SHEETS)
    rows, issues = read_sheet(sheet, "MICRO_ONLY", COLUMNS)
    folders = [(path.name, path) for path in tree.picture_folders(tree.root) if _CLIP.fullmatch(path.name)]
    reading = read_coded(tree, map(coding, rows), folders, issues, EMOTIONS)
    reading.release = sheet.name
    return reading


def subject(row: Row) -> str:
    """Return the subject of a row: `006` as text, or the number 6 once the sheet was saved anew."""
    number = row.number("Subject")
    return row.text("Subject") if number is None else f"{number:03d}"


def coding(row: Row) -> Coding:
    """Return what a row of the sheet codes."""
    name = row.text("Filename")
    return Coding(
        where=row.where,
        subject=subject(row),
        name=name,
        key=name,
        onset=row.number("Onset Frame"),
        apex=row.number("Apex Frame"),
        offset=row.number("Offset Frame"),
        units=row.text("Action Units"),
        emotion=row.text("Estimated Emotion"),
    )
