import openpyxl
import pytest


@pytest.fixture(scope="session")
def touch():
    """Make empty files of these names in a folder: readers of corpora do not open pictures."""

    def make(folder, names):
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).touch()

    return make


@pytest.fixture(scope="session")
def write_sheet():
    def write(path, title, rows):
        book = openpyxl.Workbook()
        book.active.title = title
        for row in rows:
            book.active.append(row)
        book.save(path)

    return write


@pytest.fixture(scope="session")
def issues_of():
    """The reasons of the issues about a clip, as (kind, reason)."""

    def of(reading, clip):
        return [(issue.kind, issue.reason) for issue in reading.issues if issue.clip == clip]

    return of
