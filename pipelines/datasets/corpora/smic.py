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
from pipelines.datasets.coding_sheets.sheet_reader import Row, find_parts, find_sheet, read_sheet
from pipelines.datasets.frames import frame_folders
from pipelines.datasets.reading import CorpusReading, Issue

TITLE = "SMIC"
#: Folders of frames in the releases; the first that is there is read.
FOLDERS = ("SMIC_HS_E", "SMIC-HS-E", "HS")
SHEETS = ("SMIC-HS-E_annotation*.xlsx",)
LAYOUT = f"SMIC-HS-E_annotation.xlsx and {', '.join(FOLDERS[:-1])} or {FOLDERS[-1]}"
COLUMNS = ("Subject", "Filename", "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Emotion")
_APEX = "ApexF"  # nobody gave one, but some add the column
_CLIP = re.compile(r"s\d+_(ne|po|sur)_\d+", re.IGNORECASE)


def looks_like(source: Path) -> bool:
    """Tell by the sheet and the folders' names."""
    if find_sheet(source, SHEETS) is not None or any(source.glob("HS/s*/micro")):
        return True
    return any((source / name).is_dir() for name in FOLDERS if name != "HS")


def read(source: Path) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are not there, or the sheet lacks a column.
    """
    sheet, roots = find_parts(source, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT}")
    rows, issues = read_sheet(sheet, "HS", COLUMNS, optional=(_APEX,))
    # HS also has `non_micro` clips, which are called otherwise.
    folders = [(path.name, path) for path in frame_folders(roots[0]) if _CLIP.fullmatch(path.name)]
    codings = [coding for row in rows for coding in _codings(row)]
    issues += [
        Issue(
            coding.name,
            "repaired",
            f"{coding.where}: second expression in the same folder; made a clip of its own",
        )
        for coding in codings
        if coding.name != coding.key
    ]
    return read_coded(codings, folders, issues)


def _codings(row: Row) -> list[Coding]:
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
    )
    onset, offset = row.number("Onset2F"), row.number("Offset2F")
    if onset is None:
        return [one]
    middle = onset - 1 if one.offset is None else (one.offset + onset) // 2
    return [
        replace(one, last=middle),
        replace(one, name=f"{name}_2", onset=onset, apex=None, offset=offset, first=middle + 1),
    ]
