import re
import zipfile

import pytest

from pipelines.datasets.coding_sheets.sheet_columns import CASME2
from pipelines.datasets.coding_sheets.sheet_files import find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import read_sheet
from pipelines.datasets.folder_tree import FolderTree
from pipelines.errors import InputError

COLUMNS = ("Subject", "Filename", "Onset Frame")


def test_header_under_a_preamble_and_notes_below(tmp_path, write_sheet):
    path = tmp_path / "codes.xlsx"
    above = [("SAMM, handed out to you alone",), *[()] * 12]
    table = [
        ("Subject", "Filename", None, "onset  frame"),
        ("006", " 006_1_2 ", None, 5562),
        (7.0, "007_3_1", None, "77"),
    ]
    below = [(), ("MF: micro-expression frames",), (None, None, None, 12)]
    write_sheet(path, "MICRO_ONLY", above + table + below)
    rows, issues = read_sheet(path, "MICRO_ONLY", COLUMNS, optional=("Apex",))
    assert [row.text("Subject") for row in rows] == ["006", "7"]
    assert [row.text("Filename") for row in rows] == ["006_1_2", "007_3_1"]
    assert [row.number("Onset Frame") for row in rows] == [5562, 77]
    assert [row.number("Apex") for row in rows] == [None, None]
    assert [row.where for row in rows] == ["codes.xlsx, row 15", "codes.xlsx, row 16"]
    assert [(issue.clip, issue.kind, issue.reason) for issue in issues] == [
        ("codes.xlsx, row 18", "skipped", "not a clip: 'MF: micro-expression frames'"),
        ("codes.xlsx, row 19", "skipped", "not a clip: '12'"),
    ]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("/", None),
        ("", None),
        ("?", None),
        (46, 46),
        ("46", 46),
        (46.0, 46),
        (46.5, None),
        ("46,0", 46),
        ("46,5", None),
        ("1,200", None),
    ],
)
def test_numbers_however_they_were_typed(tmp_path, write_sheet, cell, number):
    write_sheet(tmp_path / "codes.xlsx", "Sheet1", [COLUMNS, ("1", "a", cell)])
    ((row,), _) = read_sheet(tmp_path / "codes.xlsx", "Sheet1", COLUMNS)
    assert row.number("Onset Frame") == number


def test_formulas_count_by_their_stored_value(tmp_path, write_sheet):
    path = tmp_path / "codes.xlsx"
    write_sheet(path, "Sheet1", [COLUMNS, ("1", "a", "=40+6")])
    with pytest.raises(
        InputError, match=r"row 2, Onset Frame: the value of the formula =40\+6 is not stored"
    ):
        read_sheet(path, "Sheet1", COLUMNS)
    _store(path, "<f>40+6</f>", 46)
    ((row,), _) = read_sheet(path, "Sheet1", COLUMNS)
    assert row.number("Onset Frame") == 46


def _store(path, formula, value):
    """Put a value beside a formula, as Excel does when it saves."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    stored = re.sub(
        re.escape(formula) + r"(<v ?/>|<v></v>)", f"{formula}<v>{value}</v>", parts[sheet].decode()
    )
    assert f"<v>{value}</v>" in stored
    with zipfile.ZipFile(path, "w") as book:
        for name, part in parts.items():
            book.writestr(name, stored if name == sheet else part)


def test_a_missing_column_is_named(tmp_path, write_sheet):
    path = tmp_path / "codes.xlsx"
    write_sheet(path, "Sheet1", [("Subject", "Filename", "Onset"), ("1", "a", 46)])
    with pytest.raises(InputError) as error:
        read_sheet(path, "Sheet1", COLUMNS)
    for words in (
        str(path),
        "'Sheet1'",
        "'Onset Frame'",
        "row 1 has: Subject, Filename, Onset",
        "rename the column",
    ):
        assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_sheet(tmp_path, write_sheet):
    write_sheet(tmp_path / "empty.xlsx", "Sheet1", [])
    with pytest.raises(InputError, match="no column 'Subject'; its row 1 has: nothing"):
        read_sheet(tmp_path / "empty.xlsx", "Sheet1", COLUMNS)
    (tmp_path / "old.xlsx").write_bytes(b"\xd0\xcf\x11\xe0 an .xls that was renamed")
    with pytest.raises(InputError, match="not an Excel file"):
        read_sheet(tmp_path / "old.xlsx", "Sheet1", COLUMNS)


@pytest.mark.parametrize("suffix", ["xlsx", "xls", "CSV"])
def test_the_sheet_of_a_corpus_is_found(tmp_path, touch, suffix):
    patterns = ("CASME2-coding*",)
    assert find_sheet(FolderTree(tmp_path), patterns) is None
    names = ["~$CASME2-coding-20140508.xlsx", f"CASME2-coding-20140508.{suffix}", "other.xlsx"]
    touch(tmp_path / "documents", [*names, "CASME2-coding.pdf"])
    assert find_sheet(FolderTree(tmp_path), patterns).name == f"CASME2-coding-20140508.{suffix}"
    touch(tmp_path, ["CASME2-coding-20190701.xlsx"])
    with pytest.raises(InputError, match="several coding sheets"):
        find_sheet(FolderTree(tmp_path), patterns)


def test_the_sheet_of_another_corpus_is_recognised(tmp_path, write_sheet):
    path = tmp_path / "CASME2-coding.xlsx"
    write_sheet(
        path,
        "Sheet1",
        [("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")],
    )
    with pytest.raises(InputError, match=r"no column 'OnsetFrame'.*it is the sheet of CAS\(ME\)\^3"):
        read_sheet(path, "Sheet1", CASME2)
