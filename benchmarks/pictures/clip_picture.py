"""First picture of the README: the report of an analysed rendered clip, at the apex of its micro-expression.

Run `python -m benchmarks.pictures.clip_picture docs/pictures`; it needs Chromium and Playwright.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.pictures.report_pictures import browser, opened

#: Width and height of the window, CSS pixels.
WINDOW = (680, 1400)
#: The clip: seed and number of its series, as `faceflow demo` renders it.
SEED, NUMBER, FRAMES, SIZE = 0, 22, 75, 256

_QUALITY = 88  # of the WebP


def rendered_report(folder: Path) -> Path:
    """Render a clip into a folder, analyse it, and return the path of its report."""
    import faceflow
    from pipelines.io.video import write_video
    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.rendered_clip import photographs

    script = draw_clip(SEED, NUMBER, kind="mixed", frames=FRAMES, size=SIZE)
    write_video(folder / "clip.mp4", photographs(script), script.rate)
    faceflow.analyze(folder / "clip.mp4", folder / "analysis", reference=0)
    return folder / "analysis" / "report.html"


def take(started, report: Path, path: Path) -> None:
    """Write a picture of a report, with the video at the apex of its first event, as WebP."""
    with opened(started, report, WINDOW) as page:
        page.wait_for_function("document.getElementById('clip').readyState >= 2")
        page.locator("[data-frame]").first.click()
        page.wait_for_function(
            "(clip => clip.currentTime > 0 && !clip.seeking)(document.getElementById('clip'))"
        )
        page.evaluate("document.getElementById('clip').controls = false")
        page.evaluate("window.scrollTo(0, 0)")
        page.wait_for_timeout(500)
        shot = path.with_suffix(".png")
        page.screenshot(path=shot)
    Image.open(shot).convert("RGB").save(path, quality=_QUALITY)
    shot.unlink()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, browser() as chrome:
        take(chrome, rendered_report(Path(scratch)), Path(sys.argv[1]) / "clip.webp")
