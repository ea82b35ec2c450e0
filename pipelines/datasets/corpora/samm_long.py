"""SAMM Long Videos: `SAMM_longvideos/006_1/006_1_0001.jpg` and `SAMM_LongVideos_V3_Release.xlsx`.

The sheet has no emotions; micro-expressions get them from SAMM's own sheet, if that lies beside it. Frame
numbers count as this sheet has them: SAMM's differ for half of the clips, by whole offsets.

Reference:
    Yap et al., "SAMM Long Videos: A Spontaneous Facial Micro- and Macro-Expressions Dataset", FG 2020.
"""

import re
from dataclasses import replace

from pipelines.datasets.coding_sheets.coded_clips import Coding
from pipelines.datasets.coding_sheets.coded_videos import VideoFolder, expression_kind, read_coded_videos
from pipelines.datasets.coding_sheets.sheet_columns import SAMM as MICRO_COLUMNS
from pipelines.datasets.coding_sheets.sheet_columns import SAMM_LONG as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.corpora import samm
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import loosely
from pipelines.datasets.reading import CorpusReading, Issue

TITLE = "SAMM Long Videos"
SHEETS = ("SAMM_LongVideos*",)
FOLDERS = (samm.LONG_VIDEOS,)
LAYOUT = f"SAMM_LongVideos_V3_Release.xlsx and {FOLDERS[0]}"
RATE = 200.0
_VIDEO = re.compile(r"\d{3}_\d+")


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folder of videos."""
    return find_sheet(tree, SHEETS) is not None or tree.has(FOLDERS[0])


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are missing, or the sheet lacks a column.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues = read_sheet(sheet, "Sheet1", COLUMNS)
    emotions: dict[str, Coding] = {}
    if micro := find_sheet(tree, samm.SHEETS):
        micro_rows, of_micro = read_sheet(micro, "MICRO_ONLY", MICRO_COLUMNS)
        issues += of_micro
        emotions = {loosely(coding.name): coding for coding in map(samm.coding, micro_rows)}
    else:
        reason = "no sheet *Micro_FACS_Codes*.xlsx beside it, which has the emotions; the clips have no label"
        issues.append(Issue(sheet.name, "repaired", reason))
    folders = [
        VideoFolder(path.name, path.name[:3], path.name, path)
        for path in tree.picture_folders(roots[0])
        if _VIDEO.fullmatch(path.name)
    ]
    codings = [(row.text("Type"), _coding(row, emotions)) for row in rows]
    reading = read_coded_videos(tree, codings, folders, issues, samm.EMOTIONS, RATE)
    if not emotions:
        reading.issues = [issue for issue in reading.issues if "no emotion in the sheet" not in issue.reason]
    version = re.search(r"_V(\d+)", sheet.name, re.IGNORECASE)
    reading.release = f"{sheet.name}" + (f", version {version[1]}" if version else "")
    return reading


def _coding(row: Row, emotions: dict[str, Coding]) -> Coding:
    name = row.text("Filename")
    own = Coding(
        where=row.where,
        subject=samm.subject(row),
        name=name,
        key="_".join(name.split("_")[:2]),
        onset=row.number("Onset"),
        apex=row.number("Apex"),
        offset=row.number("Offset"),
        units=row.text("Action Units"),
        emotion="",
    )
    micro = emotions.get(loosely(name)) if expression_kind(row.text("Type")) == "micro" else None
    if micro is None:
        return own
    repairs = ()
    if None not in (own.onset, micro.onset) and own.onset != micro.onset:
        by = own.onset - micro.onset
        repairs = (f"frame numbers differ from those in {micro.where}, by {by:+d}; using {row.where}",)
    return replace(own, emotion=micro.emotion, repairs=repairs)
