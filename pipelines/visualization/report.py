"""One self-contained HTML page: sections of text, tables and pictures."""

import base64
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import jinja2
import numpy as np

from pipelines.files import replacing
from pipelines.io.images import encode_png


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture.

    Attributes:
        picture: uint8 [H, W, 3], RGB.
        caption: what is to be seen; it is the alternative text too.
    """

    picture: np.ndarray
    caption: str

    @property
    def source(self) -> str:
        """The picture as a `data:` address."""
        return _address(self.picture)

    @property
    def is_strip(self) -> bool:
        """Whether it is several pictures in a row, too small on a phone unless it can be pushed sideways."""
        return self.picture.shape[1] > 1.5 * self.picture.shape[0]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two pictures on top of each other, with a slider between them: what moves, jumps to the eye.

    Attributes:
        before: uint8 [H, W, 3], RGB; shown left of the slider.
        after: of the same shape; shown right of it.
        caption: what is to be seen.
    """

    before: np.ndarray
    after: np.ndarray
    caption: str

    @property
    def sources(self) -> tuple[str, str]:
        """Both pictures as `data:` addresses."""
        return _address(self.before), _address(self.after)


@dataclass(frozen=True)
class Table:
    """A table; a click on a heading sorts by it.

    Attributes:
        columns: headings.
        rows: cells as they are to be shown; numbers are aligned right.
        caption: what was measured, on what.
    """

    columns: list[str]
    rows: list[list[str]]
    caption: str = ""


@dataclass(frozen=True)
class Histogram:
    """Upright bars over their names.

    Attributes:
        names: of the bins, in order.
        counts: one a bin.
        caption: what was counted.
    """

    names: list[str]
    counts: list[int]
    caption: str


@dataclass(frozen=True)
class Section:
    """A heading with what belongs to it.

    Attributes:
        title: the heading.
        text: a paragraph.
        tables: shown after the histograms.
        figures: shown after the tables.
        histograms: shown first.
        comparisons: shown last.
    """

    title: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)


def write_report(path: Path | str, title: str, summary: str, sections: list[Section]) -> None:
    """Write a report.

    Args:
        path: of the HTML file.
        title: heading of the page.
        summary: the result in a sentence or two.
        sections: the rest.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        resources.files("pipelines.visualization").joinpath("report.html.j2").read_text()
    )
    with replacing(path) as part:
        part.write_text(template.render(title=title, summary=summary, sections=sections))


def _address(picture: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()
