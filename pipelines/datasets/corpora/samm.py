"""SAMM: `006/006_1_2/006_05562.jpg` and the sheet `SAMM_Micro_FACS_Codes_v2.xlsx`.

Reference:
    Davison et al., "SAMM: A Spontaneous Micro-Facial Movement Dataset", IEEE Trans. Affective Computing 9(1),
    2018.
"""

import re
from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_reader import Row, find_sheet, read_sheet
from pipelines.datasets.frames import frame_folders
from pipelines.datasets.reading import CorpusReading

TITLE = "SAMM"
SHEETS = ("*Micro_FACS_Codes*.xlsx",)
LAYOUT = "SAMM_Micro_FACS_Codes_v2.xlsx and folders such as 006/006_1_2"
COLUMNS = (
    "Subject", "Filename", "Onset Frame", "Apex Frame", "Offset Frame", "Action Units", "Estimated Emotion",
)  # fmt: skip
_CLIP = re.compile(r"\d{3}_\d+_\d+")


def looks_like(source: Path) -> bool:
    """Tell by the sheet alone: folders without it are as well read as `folder`."""
    return find_sheet(source, SHEETS) is not None


def read(source: Path) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet lacks a column.
    """
    rows, issues = read_sheet(find_sheet(source, SHEETS), "MICRO_ONLY", COLUMNS)
    folders = [(path.name, path) for path in frame_folders(source) if _CLIP.fullmatch(path.name)]
    return read_coded(map(_coding, rows), folders, issues)


def _coding(row: Row) -> Coding:
    name = row.text("Filename")
    return Coding(
        where=row.where,
        subject=row.text("Subject").zfill(3),  # text `006`, or the number 6 once the sheet was saved anew
        name=name,
        key=name,
        onset=row.number("Onset Frame"),
        apex=row.number("Apex Frame"),
        offset=row.number("Offset Frame"),
        units=row.text("Action Units"),
        emotion=row.text("Estimated Emotion"),
    )
