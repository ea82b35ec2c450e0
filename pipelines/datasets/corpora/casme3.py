"""CAS(ME)^3, part A: `part_A/spNO.1/a/color/1.jpg` and `cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx`.

A letter names a long video of a subject, in capitals or not, and several micro-expressions may be coded in
one: the onset belongs to their name.

Reference:
    Li et al., "CAS(ME)^3: A Third Generation Facial Spontaneous Micro-Expression Database With Depth
    Information and High Ecological Validity", IEEE Trans. Pattern Analysis and Machine Intelligence 45(3),
    2023.
"""

import re

from pipelines.datasets.coding_sheets.coded_clips import Coding
from pipelines.datasets.coding_sheets.coded_videos import VideoFolder, read_coded_videos
from pipelines.datasets.coding_sheets.sheet_columns import CASME3 as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.reading import CorpusReading, Issue

TITLE = "CAS(ME)^3"
SHEETS = ("cas(me)3_part_A_ME_label*", "cas(me)^3_part_A_ME_label*")
FOLDERS = ("part_A", "Part_A", "part_a")
LAYOUT = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx and part_A"
EMOTIONS = ("anger", "disgust", "fear", "happy", "others", "sad", "surprise")
RATE = 30.0


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folders of subjects."""
    if find_sheet(tree, SHEETS) is not None:
        return True
    places = [path for name in FOLDERS for path in tree.folders(tree.root / name)]
    return any(re.fullmatch(r"spNO\.\d+", path.name, re.IGNORECASE) for path in places)


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus. Depth is not read.

    Raises:
        InputError: if the sheet or the frames are missing, or the sheet lacks a column.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues = read_sheet(sheet, "label", COLUMNS)
    version = re.search(r"_v(\d+)$", sheet.stem, re.IGNORECASE)
    if version is None or int(version[1]) < 2:
        reason = "older release of the sheet; version 2 (JpgIndex_v2) has corrected frame numbers"
        issues.append(Issue(sheet.name, "repaired", reason))
    folders = []
    for subject in tree.folders(roots[0]):
        for video in tree.folders(subject):
            if "color" in tree.listing(video).folders:
                name = f"{subject.name}-{video.name}"
                folders.append(
                    VideoFolder(f"{subject.name}/{video.name}", subject.name, name, video / "color")
                )
    subjects = {path.name.lower(): path.name for path in tree.folders(roots[0])}
    codings = [("micro", _coding(row, subjects)) for row in rows]
    reading = read_coded_videos(tree, codings, folders, issues, EMOTIONS, RATE)
    reading.release = sheet.name
    return reading


def _coding(row: Row, subjects: dict[str, str]) -> Coding:
    subject = row.text("Subject")
    subject = subjects.get(subject.lower(), subject)
    letter, onset = row.text("Filename"), row.number("Onset")
    return Coding(
        where=row.where,
        subject=subject,
        name=f"{subject}-{letter.lower()}-{onset}",
        key=f"{subject}/{letter}",
        onset=onset,
        apex=row.number("Apex"),
        offset=row.number("Offset"),
        units=row.text("AU"),
        emotion=row.text("emotion"),
    )
