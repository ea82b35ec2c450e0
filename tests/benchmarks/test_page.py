"""Pages of measurements are written by their commands, part by part."""

import cv2
import onnxruntime
import pytest
import tensorflow as tf

from benchmarks import labels, light, model_card, networks, pipelines, rendered_faces, runtimes, smoothing
from benchmarks.common.page import circumstances, run_parts, write
from benchmarks.common.real_data import real_data

PAGES = [
    *(
        (b._PAGE, b.PARTS)
        for b in (labels, light, model_card, networks, pipelines, rendered_faces, runtimes, smoothing)
    ),
    (model_card._README, model_card.IN_README),
]


def test_a_part_replaces_what_stood_between_its_markers_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed -->\nold\nlines\n<!-- end of speed -->\nafter\n")
    write(page, "speed", "new")
    assert page.read_text() == "before\n<!-- speed -->\nnew\n<!-- end of speed -->\nafter\n"
    with pytest.raises(ValueError, match="memory"):
        write(page, "memory", "new")
    assert page.read_text() == "before\n<!-- speed -->\nnew\n<!-- end of speed -->\nafter\n"


@pytest.mark.parametrize(("page", "parts"), PAGES)
def test_the_page_has_markers_for_every_part(page, parts):
    text = page.read_text()
    for part in parts:
        assert text.index(f"<!-- {part} -->\n") < text.index(f"<!-- end of {part} -->")


def test_parts_are_chosen_by_name_and_written_on_request(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- a -->\nold\n<!-- end of a -->\n<!-- b -->\nold\n<!-- end of b -->\n")
    parts = {"a": lambda: "one", "b": lambda: "two"}
    run_parts(page, parts, [])
    assert capsys.readouterr().out.startswith("a:\none\n")
    assert page.read_text().count("old") == 2
    run_parts(page, parts, ["b", "--write"])
    assert capsys.readouterr().out.startswith("b:\ntwo\n")
    assert page.read_text().startswith("<!-- a -->\nold\n<!-- end of a -->\n<!-- b -->\ntwo\n")


def test_a_part_that_cannot_be_measured_keeps_its_last_result(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FACEFLOW_DATA", str(tmp_path / "absent"))
    page = tmp_path / "page.md"
    page.write_text("<!-- a -->\nold\n<!-- end of a -->\n<!-- b -->\nold\n<!-- end of b -->\n")
    run_parts(page, {"a": lambda: str(real_data("grid")), "b": lambda: "two"}, ["--write"])
    out = capsys.readouterr().out
    assert f"not measured: {tmp_path / 'absent' / 'grid'} is not at hand; set FACEFLOW_DATA" in out
    assert "<!-- a -->\nold\n" in page.read_text()
    assert "<!-- b -->\ntwo\n" in page.read_text()


def test_a_part_on_request_runs_only_if_it_is_named(tmp_path, capsys):
    parts = {"quick": lambda: "one", "downloads": lambda: "two"}
    run_parts(tmp_path / "page.md", parts, [], on_request=["downloads"])
    assert "two" not in capsys.readouterr().out
    run_parts(tmp_path / "page.md", parts, ["downloads"], on_request=["downloads"])
    assert "two" in capsys.readouterr().out


def test_a_measurement_names_what_it_depends_on():
    line = circumstances()
    assert f"TensorFlow {tf.__version__}" in line
    assert f"ONNX Runtime {onnxruntime.__version__}" in line
    assert f"OpenCV {cv2.__version__}" in line


def test_an_unknown_part_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_parts(tmp_path / "page.md", {"speed": str}, ["sped"])
    assert "unknown part sped; use one of: speed" in capsys.readouterr().err
