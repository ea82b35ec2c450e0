"""Coding sheets as Excel files."""

from collections.abc import Iterable
from pathlib import Path

import openpyxl

from pipelines.files import replacing


def write_workbook(path: Path, sheets: dict[str, Iterable[tuple]]) -> None:
    """Write an Excel file, whole or not at all.

    Args:
        path: ends in .xlsx.
        sheets: title -> rows of cells; None is an empty cell, () an empty row, text that starts with `=` a
            formula (without a stored value, as no spreadsheet program has computed it).
    """
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    with replacing(path) as part:
        book.save(part)
