"""Pages in docs/ whose figures a command writes, between markers of its own."""

import datetime
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.files import replacing


def write(page: Path, part: str, text: str) -> None:
    """Put a text between a part's markers in a page.

    Raises:
        ValueError: if the page lacks the markers.
    """
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page}: the markers {begin.strip()} and {end} are not there")
    with replacing(page) as new:
        new.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")


def run_parts(page: Path, parts: Mapping[str, Callable[[], str]], arguments: Sequence[str]) -> None:
    """Measure and print parts of a page, and with `--write` among the arguments put them into it.

    Args:
        page: in docs/, with markers for each part.
        parts: what measures each, and returns Markdown, by name.
        arguments: of the command line: names of parts, all by default, and perhaps `--write`.
    """
    for name in [word for word in arguments if word != "--write"] or parts:
        text = f"{parts[name]()}\n\n{circumstances()}"
        print(f"{name}:\n{text}", flush=True)
        if "--write" in arguments:
            write(page, name, text)


def circumstances() -> str:
    """Say when, of which commit and on what a measurement was made, as Markdown."""
    commit = _git("describe", "--always")
    # The pages themselves are changed by each part that is written, and measure nothing.
    pages = ":!/docs", ":!/README.md"
    dirty = "-dirty" if _git("status", "--porcelain", "--untracked-files=no", "--", ":/", *pages) else ""
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    return f"*{datetime.date.today()}, commit {commit or 'unknown'}{dirty}, {machine}*"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.strip()


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
