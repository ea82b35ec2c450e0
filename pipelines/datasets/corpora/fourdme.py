"""4DME: `gray_micro/{sub_ID}/{fold_name}/` and the sheet `4DME_Labelling_Micro_release v1.xlsx`.

The first frame of a folder is the onset, whatever its number.

Reference:
    Li et al., "4DME: A Spontaneous 4D Micro-Expression Dataset With Multimodalities", IEEE Trans. Affective
    Computing 14(4), 2023.
"""

from pathlib import Path

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.sheet_columns import FOURDME as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.reading import CorpusReading

TITLE = "4DME"
SHEETS = ("4DME_Labelling_Micro*",)
FOLDERS = ("gray_micro", "RGB_micro")
LAYOUT = f"4DME_Labelling_Micro_release v1.xlsx and {FOLDERS[0]}"
#: A clip may show two: they are joined by `+` or by a word such as `positively surprise`.
EMOTIONS = (
    "negative", "positive", "surprise", "repression", "others",
    "negatively surprise", "positively surprise", "positively repression",
)  # fmt: skip
RATE = 60.0


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folder of frames."""
    return find_sheet(tree, SHEETS) is not None or any(tree.has(name) for name in FOLDERS)


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are missing, or the sheet lacks a column.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues = read_sheet(sheet, "Sheet1", COLUMNS)
    folders = [(_key(path), path) for path in tree.picture_folders(roots[0])]
    reading = read_coded(tree, map(_coding, rows), folders, issues, EMOTIONS)
    reading.release = f"{sheet.name}, {roots[0].name}"
    return reading


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _coding(row: Row) -> Coding:
    subject, folder, onset = row.text("sub_ID"), row.text("fold_name"), row.number("Onset")
    onset = None if onset is not None and onset < 0 else onset
    # The frames are counted from the onset: without it, the other numbers say nothing of them.
    apex, offset = (None if onset is None else row.number(name) for name in ("Apex", "Offset"))
    return Coding(
        where=row.where,
        subject=subject,
        name=f"{subject}-{folder}",
        key=f"{subject}/{folder}",
        onset=onset,
        apex=apex,
        offset=offset,
        units=row.text("AUs"),
        emotion=row.text("Emotion"),
        rate=RATE,
        counted_from=onset,
    )
