"""Self-contained HTML reports with text, tables, histograms and images."""

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
    """Image with a caption.

    Attributes:
        picture: Image, uint8 [H, W, 3], RGB.
        caption: Caption, also the alternative text.
    """

    picture: np.ndarray
    caption: str

    @property
    def source(self) -> str:
        """Image as a `data:` URL."""
        return _address(self.picture)

    @property
    def is_strip(self) -> bool:
        """Whether the image is so wide that it must scroll sideways on a phone."""
        return self.picture.shape[1] > 1.5 * self.picture.shape[0]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two images with a slider between them, to compare them.

    Attributes:
        before: Image left of the slider, uint8 [H, W, 3], RGB.
        after: Image right of the slider, of the same shape.
        caption: Caption.
    """

    before: np.ndarray
    after: np.ndarray
    caption: str

    @property
    def sources(self) -> tuple[str, str]:
        """Both images as `data:` URLs."""
        return _address(self.before), _address(self.after)


@dataclass(frozen=True)
class Table:
    """Table that is sorted by a click on a heading.

    Attributes:
        columns: Headings of the columns.
        rows: Formatted cells of each row; numbers are right-aligned.
        caption: Caption.
    """

    columns: list[str]
    rows: list[list[str]]
    caption: str = ""


@dataclass(frozen=True)
class Histogram:
    """Histogram with vertical bars.

    Attributes:
        names: Labels of the bins.
        counts: Count of each bin.
        caption: Caption.
    """

    names: list[str]
    counts: list[int]
    caption: str


@dataclass(frozen=True)
class Section:
    """Section of a report. Histograms come first, then tables, figures and comparisons.

    Attributes:
        title: Heading.
        text: Introductory paragraph.
        tables: Tables.
        figures: Images.
        histograms: Histograms.
        comparisons: Image comparisons.
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
        path: HTML file to write.
        title: Heading of the report.
        summary: Main result in one or two sentences.
        sections: Sections of the report.

    Examples:
        >>> import tempfile
        >>> table = Table(["method", "EPE"], [["zero", "2.16"]], "End-point error, pixels.")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "report.html"
        ...     write_report(path, "Flow", "One method.", [Section("Table", tables=[table])])
        ...     print("End-point error" in path.read_text())
        True
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        resources.files("pipelines.visualization").joinpath("report.html.j2").read_text()
    )
    with replacing(path) as part:
        # Names of files need not be UTF-8; what is not is written as an escape.
        page = template.render(title=title, summary=summary, sections=sections)
        part.write_text(page, encoding="utf-8", errors="backslashreplace")


def _address(picture: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()
