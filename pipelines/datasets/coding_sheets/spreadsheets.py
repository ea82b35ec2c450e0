"""Spreadsheet files as tables of cells: Excel (`.xlsx`, `.xls`) and CSV, with merged cells filled in.

Only cells that hold something are kept: a stray blank in the last row of an Excel sheet stands for a million
empty rows.
"""

import csv
import datetime
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import InputError

SUFFIXES = (".xlsx", ".xls", ".csv")

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # how .xlsx and .xls begin
_DELIMITERS = ",;\t"
_UNCLOSED = "unexpected end of data"  # what `csv` says of a quotation mark that swallows the rest of the file
# Blanks without a width, which `strip` keeps.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
# Excel's "CSV UTF-8"; "Unicode text"; the "CSV" of a Chinese Windows, which reads ASCII like the others.
_ENCODINGS = ("utf-8-sig", "utf-16", "gb18030")


@dataclass(frozen=True)
class Table:
    """The cells of a sheet that hold something.

    Attributes:
        title: title of the sheet.
        rows: row number, as spreadsheet programs show it -> column, counted from 0 -> text (stripped) or
            number. Rows and cells without content are absent.
        formulas: (row, column) of formulas whose value is not stored in the file -> the formula.
        merged: ranges of merged cells, such as `A2:A5`, whose cells all have the value of the first one.
    """

    title: str
    rows: dict[int, dict[int, object]]
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)
    merged: tuple[str, ...] = ()


def read_tables(path: Path) -> list[Table]:
    """Read the sheets of a spreadsheet file, at least one.

    The content tells the format, not the suffix. Formulas count by the value that was stored with them.

    Args:
        path: an Excel file, or a CSV file with commas, semicolons or tabs (UTF-8, UTF-16 or GB 18030).

    Raises:
        InputError: if it is none of these, damaged, or protected by a password.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_ZIP):
        return _read_xlsx(path)
    if start.startswith(_OLE):
        return _read_xls(path)
    if path.suffix.lower() == ".csv":
        return [_read_csv(path)]
    raise InputError(
        f"{path}: not an Excel file (.xlsx or .xls); open it in a spreadsheet program, save it as .xlsx"
    )


def _read_xlsx(path: Path) -> list[Table]:
    import openpyxl

    content = path.read_bytes()  # openpyxl refuses names that end in .xls, whatever is in them

    def load(values: bool) -> list:
        try:
            return openpyxl.load_workbook(io.BytesIO(content), data_only=values).worksheets
        except Exception as error:  # openpyxl lets through whatever its parsers meet
            raise InputError(f"{path}: not an Excel file (.xlsx) that can be read ({error})") from error

    sheets = load(values=False)
    formulas = [
        # The cells that exist: the public iterators visit every empty row in between.
        {(cell.row, cell.column - 1): cell.value for cell in sheet._cells.values() if cell.data_type == "f"}
        for sheet in sheets
    ]
    if any(formulas):
        sheets = load(values=True)
    tables = []
    for sheet, found in zip(sheets, formulas, strict=True):
        cells = [
            (cell.row, cell.column - 1, _undated(cell.value, sheet.parent.epoch))
            for cell in sheet._cells.values()
        ]
        merged = [
            (str(area), (area.min_row, area.max_row, area.min_col - 1, area.max_col - 1))
            for area in sheet.merged_cells.ranges
        ]
        without = {
            at: str(text) for at, text in found.items() if sheet._cells[at[0], at[1] + 1].value is None
        }
        tables.append(_table(sheet.title, cells, merged, without))
    return tables


def _undated(value: object, epoch: datetime.datetime) -> object:
    """Return the number that a cell holds if it is only shown as a date; `epoch` is that of the workbook."""
    from openpyxl.utils.datetime import to_excel

    is_date = isinstance(value, datetime.date | datetime.time | datetime.timedelta)
    return to_excel(value, epoch) if is_date else value


def _read_xls(path: Path) -> list[Table]:
    import xlrd

    try:
        book = xlrd.open_workbook(path, formatting_info=True)  # which brings the merged cells
    except Exception as error:  # xlrd lets through whatever its parser meets
        raise InputError(
            f"{path}: not an Excel file (.xls) that can be read ({error}); if it opens in a spreadsheet "
            "program, with a password perhaps, save it as .xlsx without one"
        ) from error
    empty = (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_ERROR)
    tables = []
    for sheet in book.sheets():
        cells = [
            (row + 1, column, cell.value)
            for row in range(sheet.nrows)
            for column, cell in enumerate(sheet.row(row))
            if cell.ctype not in empty
        ]
        merged = [
            (
                f"{xlrd.cellname(top, left)}:{xlrd.cellname(low - 1, right - 1)}",
                (top + 1, low, left, right - 1),
            )
            for top, low, left, right in sheet.merged_cells
        ]
        tables.append(_table(sheet.name, cells, merged))
    return tables


def _read_csv(path: Path) -> Table:
    content = path.read_bytes()
    text = None
    for encoding in _ENCODINGS:
        if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            pass
    if text is None or "\0" in text:
        raise InputError(f"{path}: not a CSV file in UTF-8, UTF-16 or GB 18030; save it as CSV UTF-8")
    by_delimiter = {delimiter: _lines(text, delimiter) for delimiter in _DELIMITERS}
    lines, error = max(by_delimiter.values(), key=lambda found: _evenness(found[0]))
    if error:
        raise InputError(f"{path}: not a CSV file that can be read (line {len(lines) + 1}: {error})")
    cells = [(row, k, cell) for row, line in enumerate(lines, start=1) for k, cell in enumerate(line)]
    return _table(path.stem, cells, [])


def _lines(text: str, delimiter: str) -> tuple[list[list[str]], str]:
    """Return the lines of a CSV file up to the first that is wrong, and what is wrong with it."""
    lines = []
    try:
        for line in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True):
            lines.append(line)
    except csv.Error as error:
        if str(error) == _UNCLOSED:
            return lines, "a quotation mark is not closed"
        try:
            return list(csv.reader(io.StringIO(text), delimiter=delimiter)), ""
        except csv.Error as other:
            return lines, str(other)
    return lines, ""


def _evenness(lines: list[list[str]]) -> int:
    """Return how many delimiters the lines have that have as many as most."""
    counts = Counter(len(line) for line in lines)
    return max((count * (length - 1) for length, count in counts.items()), default=0)


def _table(
    title: str,
    cells: Iterable[tuple[int, int, object]],
    merged: list[tuple[str, tuple[int, int, int, int]]],
    formulas: dict[tuple[int, int], str] | None = None,
) -> Table:
    rows: dict[int, dict[int, object]] = {}
    for row, column, value in sorted(cells, key=lambda cell: cell[:2]):
        if isinstance(value, str):
            value = value.translate(_INVISIBLE).strip()
        if value is not None and value != "":
            rows.setdefault(row, {})[column] = value
    filled = []
    for name, (top, low, left, right) in merged:
        value = rows.get(top, {}).get(left)
        # Rows without any other cell are not of the table.
        inside = [row for row in range(top, low + 1) if row in rows] if low - top < len(rows) else []
        if value is not None and len(inside) + right - left > 1:
            filled.append(name)
            for row in inside:
                rows[row].update(dict.fromkeys(range(left, right + 1), value))
    return Table(title, rows, formulas or {}, tuple(filled))
