"""Coding sheets: tables as people keep them, with preambles, blank columns, merged cells, notes below."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.datasets.coding_sheets.sheet_columns import plain, recognised
from pipelines.datasets.coding_sheets.spreadsheets import Table, read_tables
from pipelines.datasets.reading import Issue
from pipelines.errors import InputError

_ROWS_BEFORE_THE_TABLE = 40  # SAMM's header stands on row 14
_DECIMAL_COMMA = re.compile(r"^(-?\d+),(0{1,2})$")  # 46,0; but 1,200 may be twelve hundred


@dataclass(frozen=True)
class Row:
    """A row of a coding sheet.

    Attributes:
        where: place in the file, for messages, such as `CASME2-coding-20140508.xlsx, row 7`.
        cells: column -> what its cell holds: text (stripped), a number, or None for an empty one.
    """

    where: str
    cells: dict[str, object]

    def text(self, column: str) -> str:
        """Return a cell as text, "" for an empty one; whole numbers without a fraction."""
        value = self.cells[column]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return "" if value is None else str(value)

    def number(self, column: str) -> int | None:
        """Return a cell as a whole number, however it was typed; None for an empty one, `/` or other text.

        A decimal comma counts as a point, as spreadsheets of many countries write it.
        """
        try:
            value = float(_DECIMAL_COMMA.sub(r"\1.\2", self.text(column)))
            return int(value) if value.is_integer() else None
        except (ValueError, OverflowError):
            return None


def read_sheet(
    path: Path, title: str, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> tuple[list[Row], list[Issue]]:
    """Read the rows of the table in a coding sheet.

    The header is looked for, so that a preamble may stand above it; capitals and blanks in it do not matter.
    A row whose first or second column is empty is not a row of the table: notes below it, for instance.

    Args:
        path: path of the file: .xlsx, .xls or .csv.
        title: title of the sheet; the first one is read if none has that title.
        columns: the columns to read; the first two name the subject and the clip.
        optional: columns that some releases have; their cells are None in the others.

    Returns:
        The rows, and issues: rows that were skipped, merged cells.

    Raises:
        InputError: if it is not a spreadsheet, a column is missing, or a formula has no stored value.
    """
    tables = read_tables(path)
    table = next((table for table in tables if table.title == title), tables[0])
    found, header = _find_header(table, columns)
    _check_columns(path, table, columns, found, header)
    names = {name: found[plain(name)] for name in (*columns, *optional) if plain(name) in found}
    rows, issues = [], _merged(path, table)
    subject = None
    for number, cells in table.rows.items():
        if number <= header or cells == table.rows[header]:
            continue
        where = f"{path.name}, row {number}"
        for name, k in names.items():
            if (number, k) in table.formulas:
                raise InputError(
                    f"{path}: row {number}, {name}: the value of the formula {table.formulas[number, k]} is "
                    "not stored in the file; open it in a spreadsheet program and save it"
                )
        row = dict.fromkeys((*columns, *optional)) | {name: cells.get(k) for name, k in names.items()}
        if path.suffix.lower() == ".csv" and subject is not None and _lacks_subject_alone(row, columns):
            # CSV has no merged cells: saved as one, a sheet keeps the value of the first cell alone.
            row[columns[0]] = subject
            reason = f"{columns[0]} is empty; using that of the row above, {subject}"
            issues.append(Issue(where, "repaired", reason))
        if row[columns[0]] is None or row[columns[1]] is None:
            rest = " ".join(str(cell) for cell in cells.values())
            issues.append(Issue(where, "skipped", f"not a clip: {rest[:60]!r}"))
            continue
        subject = row[columns[0]]
        rows.append(Row(where, row))
    return rows, issues


def read_without_header(path: Path, columns: tuple[str, ...]) -> tuple[list[Row], list[Issue], list[Table]]:
    """Read the first sheet of a file that has no header row.

    Args:
        path: path of the file.
        columns: names to give its columns, in order; the first two name the subject and the clip.

    Returns:
        The rows; issues; and the other sheets.

    Raises:
        InputError: if it is not a spreadsheet, or is the sheet of another corpus.
    """
    table, *others = read_tables(path)
    rows, issues = [], _merged(path, table)
    for number, cells in table.rows.items():
        where = f"{path.name}, row {number}"
        if title := recognised({plain(cell) for cell in cells.values()}):
            raise InputError(f"{path}: row {number} has the columns of {title}")
        row = {name: cells.get(k) for k, name in enumerate(columns)}
        if row[columns[0]] is None or row[columns[1]] is None or Row(where, row).number(columns[2]) is None:
            rest = " ".join(str(cell) for cell in cells.values())
            issues.append(Issue(where, "skipped", f"not a clip: {rest[:60]!r}"))
        else:
            rows.append(Row(where, row))
    return rows, issues, others


def _lacks_subject_alone(row: dict[str, object], columns: tuple[str, ...]) -> bool:
    return row[columns[0]] is None and None not in (row[columns[1]], row[columns[2]])


def _merged(path: Path, table: Table) -> list[Issue]:
    if not table.merged:
        return []
    ranges = ", ".join(table.merged[:4]) + (", ..." if len(table.merged) > 4 else "")
    return [Issue(path.name, "repaired", f"merged cells ({ranges}); every cell has the value of the first")]


def _check_columns(
    path: Path, table: Table, columns: tuple[str, ...], found: dict[str, int], header: int
) -> None:
    absent = [column for column in columns if plain(column) not in found]
    if not absent:
        return
    names = ", ".join(str(cell) for cell in table.rows.get(header, {}).values()) or "nothing"
    other = recognised(set(found))
    hint = (
        f"it is the sheet of {other}" if other else "use it as its owner hands it out, or rename the column"
    )
    raise InputError(
        f"{path}: sheet {table.title!r} has no column {absent[0]!r}; its row {header} has: {names}; {hint}"
    )


def _find_header(table: Table, columns: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """Return where the columns are in the row that has most of them, and the number of that row."""
    wanted = {plain(column) for column in columns}
    best, header = {}, 1
    for number, row in table.rows.items():
        if number > _ROWS_BEFORE_THE_TABLE:
            break
        names = {plain(cell): k for k, cell in reversed(row.items())}
        if len(names.keys() & wanted) > len(best.keys() & wanted):
            best, header = names, number
    return best, header
