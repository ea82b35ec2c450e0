"""The page of the benchmarks is written by the benchmark, part by part."""

import pytest

from benchmarks.rendered_faces import _PAGE, PARTS, write


def test_a_part_replaces_what_stood_between_its_markers_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed -->\nold\nlines\n<!-- end of speed -->\nafter\n")
    write("speed", "new", page)
    assert page.read_text() == "before\n<!-- speed -->\nnew\n<!-- end of speed -->\nafter\n"
    with pytest.raises(ValueError, match="memory"):
        write("memory", "new", page)
    assert page.read_text() == "before\n<!-- speed -->\nnew\n<!-- end of speed -->\nafter\n"


def test_the_page_has_markers_for_every_part():
    text = _PAGE.read_text()
    for part in PARTS:
        assert text.index(f"<!-- {part} -->\n") < text.index(f"<!-- end of {part} -->")
