"""Pages whose results are written by commands, between markers, and the command line of the benchmarks."""

import argparse
import datetime
import os
import platform
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from pipelines.files import replacing
from pipelines.library_versions import library_versions


class NotMeasured(Exception):
    """A part cannot be measured here; the last result stays in its page."""


def write(page: Path, part: str, text: str) -> None:
    """Replace the text between the markers of a part in a page.

    Args:
        page: Markdown file.
        part: Name of the part; its markers are `<!-- NAME -->` and `<!-- end of NAME -->`.
        text: New text.

    Raises:
        ValueError: if the page lacks the markers.
    """
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page}: lacks the markers {begin.strip()} and {end}")
    with replacing(page) as new:
        new.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")


def publish(page: Path, part: str, found: str, to_page: bool) -> None:
    """Print a result with its circumstances, and perhaps write it into its page.

    Args:
        page: Markdown file.
        part: Name of the part, as for `write`.
        found: Result, as Markdown.
        to_page: Whether to write it as well.
    """
    text = f"{found}\n\n{circumstances()}"
    print(f"{part}:\n{text}", flush=True)
    if to_page:
        write(page, part, text)


def run_parts(
    page: Path,
    parts: Mapping[str, Callable[[], str]],
    arguments: Sequence[str],
    on_request: Collection[str] = (),
) -> None:
    """Run and print the parts of a page: `python -m benchmarks.NAME [PART ...] [--write]`.

    Args:
        page: Markdown file with markers for each part.
        parts: Functions that measure and return Markdown, by name of the part. The page is not changed by a
            part that raises `NotMeasured`.
        arguments: Command-line arguments: names of parts and `--write`, which writes the results into the
            page. All parts run by default, but those on request.
        on_request: Parts that run only if they are named.
    """
    parser = argparse.ArgumentParser(description=f"Measure and print parts of {page.name}.")
    default = [name for name in parts if name not in on_request]
    without = f" but {', '.join(on_request)}" if on_request else ""
    parser.add_argument(
        "part", nargs="*", help=f"part to measure (default: all{without}): {', '.join(parts)}"
    )
    parser.add_argument("--write", action="store_true", help=f"write the results into {page.name}")
    options = parser.parse_args(arguments)
    if unknown := set(options.part) - set(parts):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; use one of: {', '.join(parts)}")
    for name in options.part or default:
        try:
            found = parts[name]()
        except NotMeasured as reason:
            print(f"{name}:\nnot measured: {reason}", flush=True)
        else:
            publish(page, name, found, options.write)


def circumstances() -> str:
    """Return date, commit, machine and libraries of a measurement, as Markdown."""
    commit = _git("describe", "--always")
    # Changes of the pages do not count: writing a result changes them.
    pages = ":!/docs", ":!/README.md"
    dirty = "-dirty" if _git("status", "--porcelain", "--untracked-files=no", "--", ":/", *pages) else ""
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    versions = library_versions("TensorFlow", "ONNX Runtime", "OpenCV").items()
    libraries = ", ".join(f"{name} {number}" for name, number in versions)
    return f"*{datetime.date.today()}, commit {commit or 'unknown'}{dirty}, {machine}, {libraries}*"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.strip()


def bound(value: float, most: float | None = None, least: float | None = None, unit: str = "") -> str:
    """Return the bound of a result as text, and whether the result misses it.

    Examples:
        >>> bound(1.2, most=1.3)
        'bound 1.3'
        >>> bound(0.93, least=95, unit=" %")
        'bound 95 %, missed'
    """
    limit = most if least is None else least
    met = value <= limit if least is None else value >= limit
    return f"bound {limit:,}{unit}{'' if met else ', missed'}"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
