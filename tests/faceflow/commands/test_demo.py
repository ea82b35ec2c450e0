"""`make demo`, in a file of its own: it takes long, and files of tests run side by side."""

import sys

import pytest

from faceflow import cli


def test_the_whole_chain(tmp_path, monkeypatch, capsys):
    """`make demo` with few training pairs and one pass over them."""
    monkeypatch.setattr("faceflow.commands.demo._TRAINING_PAIRS", 16)
    monkeypatch.setattr("faceflow.commands.demo._CLIP_FRAMES", 16)
    monkeypatch.setattr("faceflow.commands.demo._CLIP_SIZE", 128)
    arguments = ["demo", "--out", str(tmp_path / "demo"), "--max-minutes", "0.01"]
    monkeypatch.setattr(sys, "argv", ["faceflow", *arguments])
    cli.main()
    out, err = capsys.readouterr()
    assert "equals the local one" in err
    assert "default, fine-tuned" in out
    page = (tmp_path / "demo" / "report.html").read_text()
    assert page.count("<img") >= 8
    assert "clip/report.html" in page
    assert "Motion of clip.mp4" in (tmp_path / "demo" / "clip" / "report.html").read_text()
    assert list(tmp_path.iterdir()) == [tmp_path / "demo"]


@pytest.mark.parametrize("what", ["a file", "somebody's folder"])
def test_it_takes_nothing_away(tmp_path, monkeypatch, capsys, what):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "mine" / "report.html").write_text("somebody's own")
    target = tmp_path / "mine" / "thesis.txt" if what == "a file" else tmp_path / "mine"
    monkeypatch.setattr(sys, "argv", ["faceflow", "demo", "--out", str(target)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "not an earlier demo" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
