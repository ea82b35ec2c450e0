"""Screenshots of a report in docs/, in windows of desktop and phone size, by an installed Chromium.

Run `python -m benchmarks.pictures.report_pictures REPORT docs/pictures` with the report.html of `make demo`.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Width and height of the windows, CSS pixels.
DESK, PHONE = (1000, 1400), (360, 740)

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def browser(*switches: str) -> Iterator:
    """Start Chromium and yield the browser of Playwright.

    Args:
        switches: Further switches of its command line.

    Raises:
        RuntimeError: if none is installed.
    """
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        raise RuntimeError("no Chromium is installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        # Root in a container cannot use the sandbox; the pages are trusted.
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", *switches])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(started, report: Path, size: tuple[int, int]) -> Iterator:
    """Open a report in a new window and yield the page of Playwright.

    Args:
        started: Browser that `browser` yields.
        report: HTML file.
        size: (width, height) of the window, CSS pixels.
    """
    page = started.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
    try:
        page.goto(report.resolve().as_uri())
        yield page
    finally:
        page.close()


def take(started, report: Path, folder: Path) -> None:
    """Write the screenshots `report_desk.png` and `report_phone.png` into a folder."""
    for name, size in (("desk", DESK), ("phone", PHONE)):
        with opened(started, report, size) as page:
            page.screenshot(path=folder / f"report_{name}.png")


if __name__ == "__main__":
    with browser() as chrome:
        take(chrome, Path(sys.argv[1]), Path(sys.argv[2]))
