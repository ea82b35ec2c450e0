import sys

import openpyxl
import pytest

from faceflow import cli


@pytest.fixture
def casme2(tmp_path):
    """A clip of CASME II without an apex, and a row without frames; pictures are not opened."""
    book = openpyxl.Workbook()
    columns = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units"]
    book.active.append([*columns, "Estimated Emotion"])
    book.active.append(["01", "EP02_01f", 46, "/", 50, "4+L10", "happiness"])
    book.active.append(["01", "EP03_02", 46, 48, 50, "4", "disgust"])
    book.save(tmp_path / "CASME2-coding-20140508.xlsx")
    folder = tmp_path / "Cropped" / "sub01" / "EP02_01f"
    folder.mkdir(parents=True)
    for number in range(46, 52):
        (folder / f"img{number}.jpg").touch()
    return tmp_path


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["faceflow", "corpus", *map(str, words)])
    cli.main()


def test_counts_and_every_issue_are_printed(casme2, monkeypatch, capsys):
    call(monkeypatch, "casme2", casme2)
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"{casme2}: 1 clips of 1 subject(s)",
        "release: CASME2-coding-20140508.xlsx (text subjects), Cropped",
        "incomplete: 14 count(s) below the published ones",
    ]
    *table, first, second = [line.split() for line in out.splitlines()]
    assert table[1:4] == [
        ["subjects", "1", "26"],
        ["clips", "1", "255"],
        ["emotion:", "disgust", "0", "63"],
    ]
    assert table[-2:] == [["composite:", "positive", "1", "32"], ["composite:", "surprise", "0", "25"]]
    assert first[:4] == ["repaired:", "sub01-EP02_01f:", "no", "apex"]
    assert second[:2] == ["skipped:", "sub01:"]


def test_another_corpus(casme2, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, "smic", casme2)
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        f"faceflow: {casme2}: this looks like CASME II; use --corpus casme2, not smic\n"
    )
