"""CASME II: `Cropped/sub01/EP02_01f/img46.jpg` and the sheet `CASME2-coding-20140508.xlsx`.

Reference:
    Yan et al., "CASME II: An Improved Spontaneous Micro-Expression Database and the Baseline Evaluation",
    PLoS ONE 9(1), 2014.
"""

from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_reader import Row, find_parts, find_sheet, read_sheet
from pipelines.datasets.frames import frame_folders
from pipelines.datasets.reading import CorpusReading, Issue

TITLE = "CASME II"
#: Folders of frames; of two that are there, the first is read.
FOLDERS = ("Cropped", "CASME2_RAW_selected")
SHEETS = ("CASME2-coding*.xlsx",)
LAYOUT = f"{SHEETS[0]} and {' or '.join(FOLDERS)}"
COLUMNS = (
    "Subject",
    "Filename",
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    "Action Units",
    "Estimated Emotion",
)


def looks_like(source: Path) -> bool:
    """Tell by the sheet and the folders' names."""
    return find_sheet(source, SHEETS) is not None or any(
        (source / name / "sub01").is_dir() for name in FOLDERS
    )


def read(source: Path) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are not there, or the sheet lacks a column.
    """
    sheet, roots = find_parts(source, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT}")
    rows, issues = read_sheet(sheet, "Sheet1", COLUMNS)
    if len(roots) > 1:
        issues.append(Issue(roots[1].name, "skipped", f"{roots[0].name} is present as well; using that one"))
    folders = [(f"{path.parent.name}/{path.name}", path) for path in frame_folders(roots[0])]
    return read_coded(map(_coding, rows), folders, issues)


def _coding(row: Row) -> Coding:
    subject = f"sub{row.text('Subject').zfill(2)}"  # text `01` in one release, the number 1 in another
    name = row.text("Filename")
    return Coding(
        where=row.where,
        subject=subject,
        name=f"{subject}-{name}",  # other subjects have clips of that name
        key=f"{subject}/{name}",
        onset=row.number("OnsetFrame"),
        apex=row.number("ApexFrame"),
        offset=row.number("OffsetFrame"),
        units=row.text("Action Units"),
        emotion=row.text("Estimated Emotion"),
    )
