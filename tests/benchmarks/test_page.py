"""Pages of measurements are written by their commands, part by part."""

import pytest

from benchmarks import labels, model_card, networks, pipelines, rendered_faces, smoothing
from benchmarks.common.page import write

PAGES = [
    *((b._PAGE, b.PARTS) for b in (labels, model_card, networks, pipelines, rendered_faces, smoothing)),
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
