"""Where the coding sheet of a corpus is, and its folders of frames."""

from fnmatch import fnmatch
from pathlib import Path

from pipelines.datasets.coding_sheets.spreadsheets import SUFFIXES
from pipelines.datasets.folder_tree import FolderTree, has_suffix
from pipelines.errors import InputError


def find_sheets(tree: FolderTree, patterns: tuple[str, ...]) -> list[Path]:
    """Return the coding sheets in a corpus' folder and in the folders in it.

    Args:
        tree: the corpus.
        patterns: names of the sheet in its releases, without suffix, such as `CASME2-coding*`; capitals do
            not matter.
    """
    places = [tree.root, *tree.folders(tree.root)]
    return [
        place / name
        for place in places
        for name in tree.listing(place).files
        if has_suffix(name, SUFFIXES)
        and not name.startswith("~$")  # what Excel leaves beside an open file
        and any(fnmatch(Path(name).stem.lower(), pattern.lower()) for pattern in patterns)
    ]


def find_sheet(tree: FolderTree, patterns: tuple[str, ...]) -> Path | None:
    """Return the one coding sheet of a corpus, or None if there is none; see `find_sheets`.

    Raises:
        InputError: if there are several.
    """
    found = find_sheets(tree, patterns)
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(tree.root)) for path in found)
        raise InputError(f"{tree.root}: has several coding sheets ({names}); keep one of them")
    return found[0] if found else None


def find_parts(
    tree: FolderTree, sheets: tuple[str, ...], folders: tuple[str, ...], has: str
) -> tuple[Path, list[Path]]:
    """Find the coding sheet of a corpus and its folders of frames.

    Args:
        tree: the corpus.
        sheets: names of the sheet, as for `find_sheets`.
        folders: names of the folders of frames in the releases.
        has: what the corpus has in it, for the message.

    Returns:
        The sheet, and the folders that are present, at least one.

    Raises:
        InputError: if one of the two is missing.
    """
    sheet = find_sheet(tree, sheets)
    roots = [tree.root / name for name in folders if tree.has(*name.split("/"))]
    if sheet is None or not roots:
        lacking = "the coding sheet" if roots else "the folder of frames"
        raise InputError(f"{tree.root}: {has}; {lacking} is missing")
    return sheet, roots
