"""The pictures of reports in docs/, taken in a Chromium that is installed, on a desk and on a phone.

Run as `python -m benchmarks.pictures.report_pictures REPORT docs/pictures` on the report.html of `make demo`.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Widths and heights of the windows, CSS pixels.
DESK, PHONE = (1000, 1400), (360, 740)

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def browser() -> Iterator:
    """Start Chromium; yields Playwright's browser.

    Raises:
        RuntimeError: if none is installed.
    """
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        raise RuntimeError("no Chromium is installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        # Without a sandbox of its own, which root in a container cannot have; the pages are ours.
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(started, report: Path, size: tuple[int, int]) -> Iterator:
    """Open a report in a window of its own; yields Playwright's page.

    Args:
        started: what `browser` yields.
        report: an HTML file.
        size: (width, height) of the window, CSS pixels.
    """
    page = started.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
    try:
        page.goto(report.resolve().as_uri())
        yield page
    finally:
        page.close()


def take(started, report: Path, folder: Path) -> None:
    """Write `report_desk.png` and `report_phone.png`; arguments as of `opened`."""
    for name, size in (("desk", DESK), ("phone", PHONE)):
        with opened(started, report, size) as page:
            page.screenshot(path=folder / f"report_{name}.png")


if __name__ == "__main__":
    with browser() as chrome:
        take(chrome, Path(sys.argv[1]), Path(sys.argv[2]))
