"""The same table as .xlsx, .xls and .csv, written by openpyxl, xlwt and the standard library."""

import codecs
import csv

import openpyxl
import pytest
import xlwt
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

from pipelines.datasets.coding_sheets.sheet_reader import read_sheet
from pipelines.datasets.coding_sheets.spreadsheets import read_tables
from pipelines.errors import InputError

COLUMNS = ("Subject", "Filename", "Onset")
TABLE = [COLUMNS, ("01", "EP01", 46), ("01", "EP02", 12), ("02", "EP01", 7)]


def write_xlsx(path, rows, merged=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for area in merged:
        book.active.merge_cells(area)
    book.save(path)


def write_xls(path, rows, merged=()):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    inside = {
        (r, c)
        for top, low, left, right in merged
        for r in range(top, low + 1)
        for c in range(left, right + 1)
    }
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if (r, c) not in inside and cell is not None:
                sheet.write(r, c, cell)
    for top, low, left, right in merged:
        sheet.write_merge(top, low, left, right, rows[top][left])
    book.save(str(path))


def write_csv(path, rows, delimiter=",", encoding="utf-8-sig"):
    with path.open("w", newline="", encoding=encoding) as lines:
        csv.writer(lines, delimiter=delimiter).writerows(rows)


def codes(path):
    rows, issues = read_sheet(path, "Sheet1", COLUMNS)
    return [(row.text("Subject"), row.text("Filename"), row.number("Onset")) for row in rows], issues


EXPECTED = [("01", "EP01", 46), ("01", "EP02", 12), ("02", "EP01", 7)]


@pytest.mark.parametrize("name", ["codes.xlsx", "codes.xls", "codes.csv", "newer.xls", "older.xlsx"])
def test_the_content_tells_the_format(tmp_path, name):
    write = {"codes.xls": write_xls, "older.xlsx": write_xls, "codes.csv": write_csv}.get(name, write_xlsx)
    write(tmp_path / "made", TABLE)
    (tmp_path / "made").rename(tmp_path / name)
    assert codes(tmp_path / name) == (EXPECTED, [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_csv_as_spreadsheet_programs_save_it(tmp_path, delimiter, encoding):
    rows = [*TABLE, ("03", "惊讶", 9)]
    write_csv(tmp_path / "codes.csv", rows, delimiter, encoding)
    assert codes(tmp_path / "codes.csv") == ([*EXPECTED, ("03", "惊讶", 9)], [])


def test_merged_cells_have_the_value_of_the_first(tmp_path):
    rows = [COLUMNS, ("01", "EP01", 46), (None, "EP02", 12), ("02", "EP01", 7)]
    write_xlsx(tmp_path / "codes.xlsx", rows, ["A2:A3"])
    write_xls(tmp_path / "codes.xls", rows, [(1, 2, 0, 0)])
    for name in ("codes.xlsx", "codes.xls"):
        found, (issue,) = codes(tmp_path / name)
        assert found == EXPECTED
        assert (issue.clip, issue.kind) == (name, "repaired")
        assert issue.reason == "merged cells (A2:A3); every cell has the value of the first"


def test_csv_of_a_sheet_with_merged_cells(tmp_path):
    rows = [COLUMNS, ("01", "EP01", 46), (None, "EP02", 12), ("02", "EP01", 7), (None, None, "mean")]
    write_csv(tmp_path / "codes.csv", rows)
    found, (filled, skipped) = codes(tmp_path / "codes.csv")
    assert found == EXPECTED
    assert (filled.clip, filled.kind) == ("codes.csv, row 3", "repaired")
    assert filled.reason == "Subject is empty; using that of the row above, 01"
    assert skipped.kind == "skipped"


def test_an_empty_subject_that_is_not_merged_is_not_guessed(tmp_path):
    write_xlsx(tmp_path / "codes.xlsx", [COLUMNS, ("01", "EP01", 46), (None, "EP02", 12)])
    found, (issue,) = codes(tmp_path / "codes.xlsx")
    assert found == EXPECTED[:1]
    assert issue.kind == "skipped"


@pytest.mark.parametrize("stray", [" ", None, "x"])
def test_a_stray_cell_in_the_last_row_is_no_million_rows(tmp_path, stray):
    path = tmp_path / "codes.xlsx"
    book = openpyxl.Workbook()
    for row in TABLE:
        book.active.append(row)
    book.active["XFD1048576"].value = stray
    book.active["XFD1048576"].number_format = "0.00"
    book.save(path)
    (table,) = read_tables(path)
    assert len(table.rows) == 4 + (stray == "x")
    assert sum(map(len, table.rows.values())) == 12 + (stray == "x")
    found, issues = codes(path)
    assert found == EXPECTED
    assert [issue.clip for issue in issues] == ["codes.xlsx, row 1048576"] * (stray == "x")


@pytest.mark.parametrize("epoch", [CALENDAR_WINDOWS_1900, CALENDAR_MAC_1904])
def test_numbers_shown_as_dates_and_blanks_without_a_width(tmp_path, epoch):
    book = openpyxl.Workbook()
    book.epoch = epoch
    for row in TABLE:
        book.active.append(row)
    for cell, text in (("C2", "dd/mm/yyyy"), ("C3", "hh:mm")):
        book.active[cell].number_format = text
    book.active["B4"] = "EP01\u200b"
    book.save(tmp_path / "codes.xlsx")
    assert codes(tmp_path / "codes.xlsx") == (EXPECTED, [])


def test_semicolons_between_lists_with_commas(tmp_path):
    rows = [("01", "4,5,6,7,9,10", 46), ("02", "12", 7)]
    write_csv(tmp_path / "codes.csv", [COLUMNS, *rows], ";")
    assert codes(tmp_path / "codes.csv") == (rows, [])
    # Each list has one comma, and every second row ends in a semicolon.
    lines = ["Subject;Filename;Onset", *(f"{k:02d};4,{k};{k}" + ";" * (k % 2) for k in range(1, 9))]
    (tmp_path / "codes.csv").write_text("\n".join(lines))
    assert codes(tmp_path / "codes.csv") == ([(f"{k:02d}", f"4,{k}", k) for k in range(1, 9)], [])


def test_quotation_marks_within_a_cell(tmp_path):
    (tmp_path / "codes.csv").write_text('Subject,Filename,Onset\n01,"happy" face,46\n')
    ((_, name, onset),), _ = codes(tmp_path / "codes.csv")
    assert (name, onset) == ("happy face", 46)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("codes.xls", b"Subject\tFilename\n", "not an Excel file"),
        ("codes.xls", codecs.decode("d0cf11e0a1b11ae1", "hex") + bytes(600), "not an Excel file (.xls)"),
        ("codes.xlsx", b"PK\x03\x04 and nothing more", "not an Excel file (.xlsx)"),
        ("codes.csv", b"\xff\xfe\x00", "not a CSV file in UTF-8"),
        ("codes.csv", b"", "has no column 'Subject'"),
        # A quotation mark that nothing closes would swallow the rest of the table.
        (
            "codes.csv",
            b'Subject,Filename,Onset\n1,a,3\n1,b,"smile\n2,c,5\n',
            "line 3: a quotation mark is not closed",
        ),
    ],
)
def test_what_is_no_spreadsheet(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        codes(tmp_path / name)
    assert says in str(error.value)
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.real
def test_sheets_as_people_have_them(real_data):
    """Subject cells merged over rows; a blank cell in row 1,048,576."""
    from pipelines.datasets.corpora import read_corpus

    merged = real_data / "field_reports" / "casme2_merged"
    reading = read_corpus("casme2", merged)
    (sheet,) = merged.glob("*.xlsx")
    book = openpyxl.load_workbook(sheet).active
    listed = [row for row in book.iter_rows(min_row=2, values_only=True) if row[1]]
    assert len(reading.clips) == len(listed)
    assert any("merged cells" in issue.reason for issue in reading.issues)
    (table,) = read_tables(real_data / "field_reports" / "casme2_stray_cell.xlsx")
    assert len(table.rows) < 1000
