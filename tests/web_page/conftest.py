"""The page that estimates flow, in a browser.

Needs onnxruntime-web in the cache: `make web` downloads it, and `make reports` runs these tests.
"""

from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from benchmarks.pictures import report_pictures
from benchmarks.pictures.report_pictures import DESK
from keras_models.inference.estimators import get_estimator
from pipelines.io.flow_io import read_flow
from pipelines.io.images import write_image
from serving.web.model_cache import cached_onnx, web_folder
from serving.web.runtime_package import ARCHIVE
from serving.web.web_server import serving_site
from serving.web.web_site import write_site

_PATIENCE = 120_000  # milliseconds, on a machine with other work


@pytest.fixture(scope="session")
def expect():
    """Assertions of Playwright, which wait; skips where something is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="installed by `make reports`")
    if report_pictures.chromium() is None:
        pytest.skip("no Chromium (apt-get install chromium)")
    if not (web_folder() / ARCHIVE).exists():
        pytest.skip("no onnxruntime-web (make web)")
    playwright.expect.set_options(timeout=_PATIENCE)
    return playwright.expect


@pytest.fixture(scope="session")
def site(expect, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web") / "site"
    write_site(folder, cached_onnx("default"), web_folder() / ARCHIVE, "default")
    return folder


@pytest.fixture(scope="module")
def address(site):
    with serving_site(site) as served:
        yield served


@pytest.fixture(scope="module")
def browser(expect):
    # A camera that shows a green disc and a clock.
    with report_pictures.browser("--use-fake-device-for-media-stream") as started:
        yield started


@pytest.fixture(scope="module")
def estimate():
    method = get_estimator("default")
    return lambda frame1, frame2: method(frame1, frame2)[0]


class WebPage:
    """The page as its users handle it; everything else is the page of Playwright."""

    def __init__(self, page, expect):
        self.page, self._expect = page, expect

    def __getattr__(self, name):
        return getattr(self.page, name)

    def done(self, size):
        """Wait for the flow of two pictures of a size."""
        self._expect(self.page.locator("#status")).to_have_text("Done.")
        self._expect(self.page.locator("#summary")).to_contain_text(f"{size[0]} x {size[1]} pixels")

    def show_sample(self):
        self.page.get_by_role("button", name="Show the sample pair").click()
        self.done((256, 256))

    def saved_flow(self, folder):
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name="Save the flow").click()
        download.value.save_as(folder / "saved.flo")
        return read_flow(folder / "saved.flo")[0]

    def choose(self, *paths):
        for number, path in enumerate(paths, start=1):
            self.page.get_by_label(f"Choose frame {number}").set_input_files(path)
            if path == paths[0]:
                self._expect(self.page.locator("#name1")).to_have_text(path.name)

    def alert(self):
        """The error on the page, which must be one line."""
        shown = self.page.get_by_role("alert")
        self._expect(shown).to_be_visible()
        text = shown.text_content()
        assert "\n" not in text
        return text


@pytest.fixture(scope="module")
def visit(browser, expect):
    """A function that opens the page in a window of a size, and waits until the model is there."""

    @contextmanager
    def visited(address, size=DESK, ready=True, **options):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        try:
            page.goto(address)
            if ready:
                expect(page.locator("#status")).to_contain_text("Ready")
            yield WebPage(page, expect)
        finally:
            context.close()

    return visited


@pytest.fixture(scope="module")
def page(visit, address):
    """One page for tests that leave it as it was."""
    with visit(address) as opened:
        yield opened


@pytest.fixture(scope="module")
def frames(tmp_path_factory, portrait):
    """Two pictures of 150x97 pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    small = cv2.resize(portrait[:330, :510], (150, 97), interpolation=cv2.INTER_AREA)
    write_image(folder / "a.png", small)
    write_image(folder / "b.png", np.roll(small, (1, 2), axis=(0, 1)))
    return folder / "a.png", folder / "b.png"
