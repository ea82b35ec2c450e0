"""Coding sheets: Excel tables as people keep them, with preambles, blank columns, formulas, notes below."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.datasets.reading import Issue
from pipelines.errors import InputError

_ROWS_BEFORE_THE_TABLE = 40  # SAMM's header stands on row 14


@dataclass(frozen=True)
class Row:
    """A row of a coding sheet.

    Attributes:
        where: for messages, such as `CASME2-coding-20140508.xlsx, row 7`.
        cells: column -> what its cell holds: text (stripped), a number, or None for an empty one.
    """

    where: str
    cells: dict[str, object]

    def text(self, column: str) -> str:
        """Return a cell as text, "" for an empty one; numbers without a fraction that they do not have."""
        value = self.cells[column]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return "" if value is None else str(value)

    def number(self, column: str) -> int | None:
        """Return a cell as a whole number, however it was typed; None for an empty one, `/` or other text."""
        try:
            value = float(self.text(column))
            return int(value) if value.is_integer() else None
        except (ValueError, OverflowError):
            return None


def find_sheet(source: Path, patterns: tuple[str, ...]) -> Path | None:
    """Find the one coding sheet in a corpus' folder, or in a folder in it; None if there is none.

    Args:
        source: the corpus' folder.
        patterns: what its releases are called, such as `CASME2-coding*.xlsx`.

    Raises:
        InputError: if there are several.
    """
    found = sorted(
        path
        for pattern in patterns
        for path in [*source.glob(pattern), *source.glob(f"*/{pattern}")]
        if not path.name.startswith(("~$", "."))  # what Excel and macOS leave beside an open or copied file
    )
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(source)) for path in found)
        raise InputError(f"{source}: has several coding sheets ({names}); leave the one that counts")
    return found[0] if found else None


def find_parts(
    source: Path, sheets: tuple[str, ...], folders: tuple[str, ...], has: str
) -> tuple[Path, list[Path]]:
    """Find the coding sheet of a corpus and its folders of frames.

    Args:
        source: the corpus' folder.
        sheets: what the sheet is called, as for `find_sheet`.
        folders: what the folders of frames are called in the releases.
        has: what the corpus has in it, for the message.

    Returns:
        The sheet, and the folders that are there, at least one.

    Raises:
        InputError: if one of the two is not there.
    """
    sheet = find_sheet(source, sheets)
    roots = [source / name for name in folders if (source / name).is_dir()]
    if sheet is None or not roots:
        lacking = "the sheet" if roots else "the folder of frames"
        raise InputError(f"{source}: {has} in it; {lacking} is not there")
    return sheet, roots


def read_sheet(
    path: Path, title: str, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> tuple[list[Row], list[Issue]]:
    """Read the rows of the table in a coding sheet.

    The header is looked for, so that a preamble may stand above it; capitals and blanks in it do not matter.
    A row whose first column or second column is empty is no row of the table: notes below it, for instance.
    Formulas count by the value that was stored with them.

    Args:
        path: of the Excel file.
        title: of the sheet; the first one if none has that title.
        columns: the columns to read; the first two name the subject and the clip.
        optional: columns that some releases have; their cells are None in the others.

    Returns:
        The rows, and issues about those that were passed over.

    Raises:
        InputError: if it is no Excel file, a column is missing, or a formula has no stored value.
    """
    titled, table, formulas = _open(path, title)
    found, header = _find_header(table, columns)
    for column in columns:
        if _plain(column) not in found:
            names = ", ".join(str(cell) for cell in table[header] if cell is not None) if table else "nothing"
            raise InputError(
                f"{path}: sheet {titled!r} has no column {column!r}; its row {header + 1} has: {names}; "
                "take it as its owner hands it out, or name the column so"
            )
    rows, issues = [], []
    for number in range(header + 1, len(table)):
        where = f"{path.name}, row {number + 1}"
        cells: dict[str, object] = dict.fromkeys((*columns, *optional))
        for column in cells:
            k = found.get(_plain(column))
            if k is None:
                continue
            value, formula = table[number][k], formulas[number][k]
            if value is None and isinstance(formula, str) and formula.startswith("="):
                raise InputError(
                    f"{path}: row {number + 1}, {column}: the value of the formula {formula} is not stored "
                    "in the file; open it in a spreadsheet program and save it"
                )
            cells[column] = value
        if cells[columns[0]] is None or cells[columns[1]] is None:
            if rest := " ".join(str(cell) for cell in table[number] if cell is not None):
                issues.append(Issue(where, "skipped", f"not a clip: {rest[:60]!r}"))
            continue
        rows.append(Row(where, cells))
    return rows, issues


def _open(path: Path, title: str) -> tuple[str, list[tuple], list[tuple]]:
    """Return the title of the sheet, its cells, and the same with formulas in place of their values."""
    import openpyxl

    tables = []
    for values in (True, False):
        try:
            book = openpyxl.load_workbook(path, data_only=values)
        except OSError:
            raise
        except Exception as error:  # openpyxl lets through whatever its parsers meet
            raise InputError(f"{path}: not an Excel file (.xlsx) that can be read ({error})") from error
        sheet = book[title] if title in book.sheetnames else book.worksheets[0]
        tables.append([tuple(map(_stripped, row)) for row in sheet.values])
    return sheet.title, *tables


def _find_header(table: list[tuple], columns: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """Return where the columns are in the row that has most of them, and the number of that row."""
    wanted = {_plain(column) for column in columns}
    best, header = {}, 0
    for number, row in enumerate(table[:_ROWS_BEFORE_THE_TABLE]):
        names = {_plain(cell): k for k, cell in reversed(list(enumerate(row))) if cell is not None}
        if len(names.keys() & wanted) > len(best.keys() & wanted):
            best, header = names, number
    return best, header


def _stripped(cell: object) -> object:
    return (cell.strip() or None) if isinstance(cell, str) else cell


def _plain(name: object) -> str:
    return "".join(str(name).lower().split())
