"""CAS(ME)^2: long videos `rawpic/s15/15_0101disgustingteeth/img1.jpg` and the sheet `code_final.xlsx`.

The sheet has no header row. Its subjects are running numbers, which the sheet `naming rule1` turns into those
of the folders, and its clips are named after an emotion, which `naming rule2` turns into the code of a video.

Reference:
    Qu et al., "CAS(ME)^2: A Database for Spontaneous Macro-expression and Micro-expression Spotting and
    Recognition", IEEE Trans. Affective Computing 9(4), 2018.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding
from pipelines.datasets.coding_sheets.coded_videos import VideoFolder, read_coded_videos
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_without_header
from pipelines.datasets.coding_sheets.spreadsheets import Table
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.reading import CorpusReading
from pipelines.errors import InputError

TITLE = "CAS(ME)^2"
SHEETS = ("code_final*", "CAS(ME)^2code_final*")
FOLDERS = ("rawpic",)
LAYOUT = "code_final.xlsx and rawpic"
#: Names that this reader gives to the columns, in order.
COLUMNS = ("subject", "name", "onset", "apex", "offset", "units", "valence", "type", "self-report")
EMOTIONS = ("negative", "others", "positive", "surprise")
RATE = 30.0
_FOLDER = re.compile(r"(\d+)_(\d{4})")


@dataclass(frozen=True)
class Naming:
    """The naming rules of the sheet.

    Attributes:
        subjects: running number -> subject, such as `s15`.
        codes: name of a video, such as `anger1` -> its code, such as `0401`.
    """

    subjects: dict[int, str]
    codes: dict[str, str]


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folder of frames."""
    if find_sheet(tree, SHEETS) is not None:
        return True
    return any(re.fullmatch(r"s\d+", path.name) for path in tree.folders(tree.root / FOLDERS[0]))


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are missing, or the naming rules are not in the sheet.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues, others = read_without_header(sheet, COLUMNS)
    naming = read_naming(sheet, others)
    folders = []
    for path in tree.picture_folders(roots[0]):
        if match := _FOLDER.match(path.name):
            subject = f"s{match[1]}"
            folders.append(VideoFolder(f"{subject}/{match[2]}", subject, path.name, path))
    codings = [(row.text("type"), _coding(row, naming)) for row in rows]
    reading = read_coded_videos(tree, codings, folders, issues, EMOTIONS, RATE)
    reading.release = sheet.name
    return reading


def read_naming(path: Path, tables: list[Table]) -> Naming:
    """Read the sheets `naming rule1` and `naming rule2`, which are told apart by what is in them.

    Args:
        path: path of the file, for the message.
        tables: the sheets after the first one.

    Raises:
        InputError: if one of them is missing.
    """
    subjects, codes = {}, {}
    for table in tables:
        for cells in table.rows.values():
            row = Row(path.name, {str(k): cell for k, cell in sorted(cells.items())})
            texts = [row.text(k) for k in row.cells]
            at = next((k for k, text in enumerate(texts) if re.fullmatch(r"s\d+", text)), None)
            whole = [(k, int(text)) for k, text in enumerate(texts) if re.fullmatch(r"\d+", text)]
            if at is not None and whole:
                # A number before the subject's is that of another count.
                number = next((number for k, number in whole if k > at), whole[0][1])
                subjects[number] = texts[at]
            elif at is None and len(texts) > 1 and re.fullmatch(r"\d{3,4}", texts[0]):
                codes[texts[1].lower()] = texts[0].zfill(4)  # 0101, read as a number, has lost its zero
    if not subjects or not codes:
        lacking = "'naming rule1' (subjects)" if not subjects else "'naming rule2' (codes of the videos)"
        raise InputError(
            f"{path}: the sheet {lacking} is missing, without which its rows name no video; use the file as "
            "its owner hands it out"
        )
    return Naming(subjects, codes)


def _coding(row: Row, naming: Naming) -> Coding:
    number = row.number("subject")
    subject = naming.subjects.get(number, f"subject {row.text('subject')}")
    name = row.text("name")
    video = naming.codes.get(name.rpartition("_")[0].lower(), name)
    return Coding(
        where=row.where,
        subject=subject,
        # Of macro- and micro-expressions of one video several have the same name.
        name=f"{subject}-{name}-{row.number('onset')}",
        key=f"{subject}/{video}",
        onset=row.number("onset"),
        apex=row.number("apex"),
        offset=row.number("offset"),
        units=row.text("units"),
        emotion=row.text("valence"),
    )
