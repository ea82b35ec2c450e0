"""The page that estimates flow, in a browser: the same flow as in Python, bad input, the camera, a phone.

Needs onnxruntime-web in the cache: `make web` downloads it, and `make reports` runs these tests.
"""

import base64
import functools
import hashlib
import http.server
import json
import os
import shutil
import threading
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from benchmarks.pictures import report_pictures
from benchmarks.pictures.report_pictures import DESK, PHONE
from keras_models.inference.estimators import get_estimator
from pipelines.io.flow_io import read_flow
from pipelines.io.images import read_image, write_image
from pipelines.visualization.flow_color import flow_to_color
from serving.web.model_cache import cached_onnx, web_folder
from serving.web.runtime_package import ARCHIVE
from serving.web.web_server import serving_site
from serving.web.web_site import TOLERANCE, write_site

playwright = pytest.importorskip("playwright.sync_api", reason="installed by `make reports`")
pytestmark = [
    pytest.mark.skipif(report_pictures.chromium() is None, reason="no Chromium (apt-get install chromium)"),
    pytest.mark.skipif(not (web_folder() / ARCHIVE).exists(), reason="no onnxruntime-web (make web)"),
]
_PATIENCE = 120_000  # milliseconds, on a machine with other work


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web") / "site"
    write_site(folder, cached_onnx("default"), web_folder() / ARCHIVE, "default")
    return folder


@pytest.fixture(scope="module")
def address(site):
    with serving_site(site) as served:
        yield served


@pytest.fixture(scope="module")
def browser():
    # A camera that shows a green disc and a clock.
    with report_pictures.browser("--use-fake-device-for-media-stream") as started:
        yield started


@pytest.fixture(scope="module")
def estimate():
    method = get_estimator("default")
    return lambda frame1, frame2: method(frame1, frame2)[0]


@contextmanager
def visited(browser, address, size=DESK, **options):
    """Open the page in a window of a size, and wait until the model is there."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    try:
        page.goto(address)
        playwright.expect(page.locator("#status")).to_contain_text("Ready", timeout=_PATIENCE)
        yield page
    finally:
        context.close()


@pytest.fixture(scope="module")
def page(browser, address):
    """One page for tests that leave it as it was."""
    with visited(browser, address) as opened:
        yield opened


def done(page, size):
    """Wait for the flow of two pictures of a size."""
    playwright.expect(page.locator("#status")).to_have_text("Done.", timeout=_PATIENCE)
    playwright.expect(page.locator("#summary")).to_contain_text(f"{size[0]} x {size[1]} pixels")


def show_sample(page):
    page.get_by_role("button", name="Show the sample pair").click()
    done(page, (256, 256))


def saved_flow(page, folder):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the flow").click()
    download.value.save_as(folder / "saved.flo")
    return read_flow(folder / "saved.flo")[0]


def choose(page, *paths):
    for number, path in enumerate(paths, start=1):
        page.get_by_label(f"Choose frame {number}").set_input_files(path)
        if path == paths[0]:
            playwright.expect(page.locator("#name1")).to_have_text(path.name)


def alert(page):
    """The error on the page, which must be one line."""
    shown = page.get_by_role("alert")
    playwright.expect(shown).to_be_visible(timeout=_PATIENCE)
    text = shown.text_content()
    assert "\n" not in text
    return text


@pytest.fixture(scope="module")
def frames(tmp_path_factory, portrait):
    """Two pictures of 150x97 pixels, and the bytes of the first."""
    folder = tmp_path_factory.mktemp("pictures")
    small = cv2.resize(portrait[:330, :510], (150, 97), interpolation=cv2.INTER_AREA)
    write_image(folder / "a.png", small)
    write_image(folder / "b.png", np.roll(small, (1, 2), axis=(0, 1)))
    return folder / "a.png", folder / "b.png"


def test_the_sample_has_the_same_flow_as_in_python(page, site, estimate, tmp_path):
    show_sample(page)
    expected = estimate(*(read_image(site / f"sample{k}.png") for k in (1, 2)))
    assert np.abs(expected).max() > 2
    flow = saved_flow(page, tmp_path)
    assert np.abs(flow - expected).max() < TOLERANCE
    threads = min(os.cpu_count(), 8)
    playwright.expect(page.locator("#summary")).to_contain_text(f"WebAssembly, {threads} thread")


def test_pictures_of_ones_own(page, frames, estimate, tmp_path):
    choose(page, *frames)
    done(page, (150, 97))
    expected = estimate(*map(read_image, frames))
    assert np.abs(saved_flow(page, tmp_path) - expected).max() < TOLERANCE


def test_the_colours_are_those_of_python(page, tmp_path):
    """But for the wheel in the corner; the canvas rounds down or up."""
    show_sample(page)
    url = page.evaluate("document.getElementById('color').toDataURL()")
    (tmp_path / "color.png").write_bytes(base64.b64decode(url.partition(",")[2]))
    shown = read_image(tmp_path / "color.png").astype(int)
    difference = np.abs(shown - flow_to_color(saved_flow(page, tmp_path)))
    difference[-60:, -60:] = 0
    assert difference.max() <= 1
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 1000


def test_large_pictures_are_reduced(page, frames, tmp_path):
    for path in frames:
        large = cv2.resize(read_image(path), (600, 388))
        write_image(tmp_path / f"large_{path.name}", large)
    choose(page, tmp_path / "large_a.png", tmp_path / "large_b.png")
    done(page, (512, 331))
    playwright.expect(page.locator("#summary")).to_contain_text("reduced from 600 x 388")
    page.get_by_label("Longer side").select_option("256")
    done(page, (256, 166))
    page.get_by_label("Longer side").select_option("512")
    done(page, (512, 331))


def damaged(kind, frames, folder):
    """A file that is no picture, or two pictures that do not fit, and what the page says."""
    file = folder / "bad.png"
    data = frames[0].read_bytes()
    if kind == "one pixel":
        write_image(file, np.zeros((1, 1, 3), np.uint8))
    elif kind == "another size":
        write_image(file, read_image(frames[0])[:60, :80])
    else:
        file.write_bytes({"text": b"not a picture", "empty": b"", "cut short": data[: len(data) // 2]}[kind])
    says = {
        "text": "bad.png: not a picture that this browser can read; choose a PNG, JPEG or WebP file.",
        "empty": "bad.png: the file is empty; choose another one.",
        "one pixel": "bad.png: 1 x 1 pixels; flow needs at least 16 x 16.",
        "another size": "The two pictures differ in size: a.png has 150 x 97 pixels and bad.png 80 x 60; "
        "scale or crop both to one size.",
    }
    return file, says.get(kind)


@pytest.mark.parametrize("kind", ["text", "empty", "cut short", "one pixel", "another size"])
def test_what_is_no_picture(kind, page, frames, tmp_path):
    file, says = damaged(kind, frames, tmp_path)
    choose(page, frames[0], file)
    text = alert(page)
    if kind == "cut short":
        assert text.startswith("bad.png: ")
        assert "cut short" in text or "not a picture" in text
    else:
        assert text == says
    show_sample(page)  # and all is well again
    playwright.expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_fits_the_window(size, browser, address):
    with visited(browser, address, size) as page:
        show_sample(page)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size[0]
        texts = "[...document.querySelectorAll('p, dt, dd, figcaption, button, .button')]"
        sizes = page.evaluate(f"{texts}.map(one => parseFloat(getComputedStyle(one).fontSize))")
        assert min(sizes) >= 14
        heights = page.evaluate(
            "[...document.querySelectorAll('button, select, .button')].map(one => one.offsetHeight)"
        )
        assert min(height for height in heights if height) >= 44  # for fingers


def test_nothing_leaves_the_machine(browser, address):
    """Every request goes to the page's own server, and the browser refuses others."""
    with visited(browser, address) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        show_sample(page)
        assert len(asked) > 10
        assert [url for url in asked if not url.startswith((address, f"blob:{address}"))] == []
        refused = page.evaluate(
            """new Promise((resolve) => {
              document.addEventListener("securitypolicyviolation", ({ blockedURI }) => resolve(blockedURI));
              fetch("http://127.0.0.1:9/picture", { method: "POST", body: "x" }).catch(() => null);
            })"""
        )
        assert refused == "http://127.0.0.1:9/picture"


def test_by_keyboard_alone(browser, address, site, estimate):
    with visited(browser, address) as page:
        focused = "document.activeElement.id"
        for expected in ("file1", "file2", "sample"):
            page.keyboard.press("Tab")
            assert page.evaluate(focused) == expected
        page.keyboard.press("Enter")
        done(page, (256, 256))
        while page.evaluate(focused) != "color":
            page.keyboard.press("Tab")
        for key in ("ArrowRight", "ArrowDown", "Shift+ArrowDown"):
            page.keyboard.press(key)
        flow = estimate(*(read_image(site / f"sample{k}.png") for k in (1, 2)))
        dx, dy = flow[128 + 17, 128 + 1]
        words = f"Pixel (129, 145) moves by ({dx:+.2f}, {dy:+.2f}) px".replace("-", "\N{MINUS SIGN}")
        assert page.locator("#readout").text_content().startswith(words)
        page.get_by_role("slider").press("End")
        assert page.locator("#times").text_content() == "20.0"


def test_magnified_motion_is_that_of_the_flow_times_the_factor(page):
    """A slope of brightness that moves as a whole: three times the motion is two motions further."""
    size, flow = 128, (1.0, 0.5)
    y, x = np.mgrid[:size, :size].astype(float)
    slope = 20 + x + 0.5 * y
    picture = np.dstack([slope, slope, slope, np.full_like(slope, 255)]).round().astype(int)
    shown = page.evaluate(
        """async ([values, size, motion]) => {
          const { magnifier } = await import("./magnify.js");
          const frame = new ImageData(Uint8ClampedArray.from(values), size, size);
          const flow = Float32Array.from({ length: 2 * size * size }, (_, k) => motion[k % 2]);
          const magnify = magnifier(frame, flow);
          return [1, 3].map((factor) => [...magnify(factor).data]);
        }""",
        [picture.ravel().tolist(), size, flow],
    )
    once, thrice = (np.array(values).reshape(size, size, 4)[20:-20, 20:-20, 0] for values in shown)
    inside = picture[20:-20, 20:-20, 0]
    assert np.abs(once - inside).max() <= 1
    # The slope falls by its gradient along two motions: 2 (1 x 1 + .5 x .5) levels.
    np.testing.assert_allclose((inside - thrice).mean(), 2.5, atol=0.1)


@pytest.mark.parametrize(
    ("error", "milliseconds", "fallback", "says"),
    [
        (0.001, 5, False, "WebGPU is used (5 ms, WebAssembly 9 ms)."),
        (0.02, 5, False, "WebGPU is not used: differs from WebAssembly by 0.020 px."),
        (float("nan"), 5, False, "WebGPU is not used: differs from WebAssembly by NaN px."),
        (0.001, 9, False, "WebGPU is not used: not faster (9 ms, WebAssembly 9 ms)."),
        (0.001, 5, True, "WebGPU is not used: it is computed by the processor here."),
    ],
)
def test_webgpu_must_be_right_and_faster(error, milliseconds, fallback, says, page):
    """With stand-ins for both: what WebGPU gives, and when it comes."""
    used, reason = page.evaluate(
        """async ([error, milliseconds, isFallbackAdapter]) => {
          const { Estimator, tryWebGpu } = await import("./estimator.js");
          const gpu = { requestAdapter: async () => ({ info: { isFallbackAdapter } }) };
          Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
          const fake = (flow, milliseconds) => ({
            estimate: async () => ({ flow: Float32Array.of(...flow), milliseconds }),
            close() {},
          });
          const load = Estimator.load;
          Estimator.load = async () => fake([1, 2 + error], milliseconds);
          const { webgpu, reason } = await tryWebGpu({ tolerance: 0.01 }, fake([1, 2], 9), {});
          Estimator.load = load;
          delete navigator.gpu;
          return [Boolean(webgpu), reason];
        }""",
        [error, milliseconds, fallback],
    )
    assert reason == says
    assert used == says.startswith("WebGPU is used")


def test_a_camera_that_is_refused(page):
    """As the browser refuses it where nobody allows it."""
    page.get_by_role("button", name="Start the camera").click()
    assert alert(page).startswith("The camera was refused: allow it for this page in the browser")
    show_sample(page)


def test_no_camera(page):
    page.evaluate(
        """() => {
          navigator.mediaDevices.getUserMedia = async () => {
            throw new DOMException("Requested device not found", "NotFoundError");
          };
        }"""
    )
    page.get_by_role("button", name="Start the camera").click()
    assert alert(page) == "No camera is connected: connect one, or choose two pictures."
    page.evaluate("delete navigator.mediaDevices.getUserMedia")


def test_the_camera(browser, address):
    """Its frames have a flow from the first one, and it goes off."""
    with visited(browser, address, permissions=["camera"]) as page:
        page.get_by_label("Longer side").select_option("256")
        page.get_by_role("button", name="Start the camera").click()
        playwright.expect(page.locator("#status")).to_contain_text("The camera is on", timeout=_PATIENCE)
        playwright.expect(page.locator("#summary")).to_contain_text(
            "256 x 256 pixels, reduced from 480 x 480"
        )
        page.get_by_role("button", name="Take a new reference frame").click()
        page.get_by_role("button", name="Stop the camera").click()
        playwright.expect(page.locator("#status")).to_have_text("Ready.", timeout=_PATIENCE)
        playwright.expect(page.get_by_role("button", name="Start the camera")).to_be_visible()
        playwright.expect(page.get_by_role("alert")).to_be_hidden()
        show_sample(page)


@contextmanager
def changed_site(site, folder, change):
    """Serve a copy of the site with a file changed: `change` gets its folder."""
    shutil.copytree(site, folder)
    change(folder)
    with serving_site(folder) as address:
        yield address


def model_of(folder):
    return folder / json.loads((folder / "site.json").read_text())["files"]["model"]["path"]


def cut_short(folder):
    model_of(folder).write_bytes(model_of(folder).read_bytes()[:-1000])


def flip_a_bit(folder):
    data = bytearray(model_of(folder).read_bytes())
    data[len(data) // 2] ^= 1
    model_of(folder).write_bytes(data)


def not_a_model(folder):
    """With the right size and hash."""
    model_of(folder).write_bytes(b"not a model")
    about = json.loads((folder / "site.json").read_text())
    about["files"]["model"] |= {"bytes": 11, "sha256": hashlib.sha256(b"not a model").hexdigest()}
    (folder / "site.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut_short, "face_flow_frames.onnx is cut short ("),
        (flip_a_bit, "face_flow_frames.onnx is damaged (its SHA-256 differs)"),
        (not_a_model, "The model cannot be run by onnxruntime-web"),
        (lambda folder: model_of(folder).unlink(), "face_flow_frames.onnx cannot be loaded"),
        (lambda folder: (folder / "site.json").unlink(), "site.json cannot be loaded"),
        (lambda folder: (folder / "runtime/ort.wasm.min.mjs").unlink(), "onnxruntime-web 1.30.0 cannot"),
    ],
    ids=["cut short", "damaged", "no model", "absent", "no list", "no runtime"],
)  # fmt: skip
def test_a_site_that_is_not_whole(change, says, site, browser, tmp_path):
    with changed_site(site, tmp_path / "site", change) as address:
        page = browser.new_page()
        page.goto(address)
        assert alert(page).startswith(says)
        page.close()


def test_a_server_without_our_headers(site, browser, estimate, tmp_path):
    """As most hosts of static files are: one thread, the same flow."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with visited(browser, f"http://127.0.0.1:{server.server_port}/") as page:
            show_sample(page)
            playwright.expect(page.locator("#summary")).to_contain_text("WebAssembly, 1 thread")
            expected = estimate(*(read_image(site / f"sample{k}.png") for k in (1, 2)))
            assert np.abs(saved_flow(page, tmp_path) - expected).max() < TOLERANCE
        server.shutdown()
