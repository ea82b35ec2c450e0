"""Flow of two pictures in the page: the same as in Python, bad pictures, keyboard, a phone."""

import base64
import os

import cv2
import numpy as np
import pytest

from benchmarks.pictures.report_pictures import DESK, PHONE
from pipelines.io.images import read_image, write_image
from pipelines.visualization.flow_color import flow_to_color
from serving.web.web_site import TOLERANCE


def test_the_sample_has_the_same_flow_as_in_python(page, site, estimate, tmp_path, expect):
    page.show_sample()
    expected = estimate(*(read_image(site / f"sample{k}.png") for k in (1, 2)))
    assert np.abs(expected).max() > 2
    flow = page.saved_flow(tmp_path)
    assert np.abs(flow - expected).max() < TOLERANCE
    threads = min(os.cpu_count(), 8)
    expect(page.locator("#summary")).to_contain_text(f"WebAssembly, {threads} thread")


def test_pictures_of_ones_own(page, frames, estimate, tmp_path):
    page.choose(*frames)
    page.done((150, 97))
    expected = estimate(*map(read_image, frames))
    assert np.abs(page.saved_flow(tmp_path) - expected).max() < TOLERANCE


def test_the_colours_are_those_of_python(page, tmp_path):
    """But for the wheel in the corner; the canvas rounds down or up."""
    page.show_sample()
    url = page.evaluate("document.getElementById('color').toDataURL()")
    (tmp_path / "color.png").write_bytes(base64.b64decode(url.partition(",")[2]))
    shown = read_image(tmp_path / "color.png").astype(int)
    difference = np.abs(shown - flow_to_color(page.saved_flow(tmp_path)))
    difference[-60:, -60:] = 0
    assert difference.max() <= 1
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 1000


def test_large_pictures_are_reduced(page, frames, tmp_path, expect):
    for path in frames:
        large = cv2.resize(read_image(path), (600, 388))
        write_image(tmp_path / f"large_{path.name}", large)
    page.choose(tmp_path / "large_a.png", tmp_path / "large_b.png")
    page.done((512, 331))
    expect(page.locator("#summary")).to_contain_text("reduced from 600 x 388")
    page.get_by_label("Longer side").select_option("256")
    page.done((256, 166))
    page.get_by_label("Longer side").select_option("512")
    page.done((512, 331))


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
def test_what_is_no_picture(kind, page, frames, tmp_path, expect):
    file, says = damaged(kind, frames, tmp_path)
    page.choose(frames[0], file)
    text = page.alert()
    if kind == "cut short":
        assert text.startswith("bad.png: ")
        assert "cut short" in text or "not a picture" in text
    else:
        assert text == says
    page.show_sample()  # and all is well again
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_fits_the_window(size, address, visit):
    with visit(address, size) as page:
        page.show_sample()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size[0]
        texts = "[...document.querySelectorAll('p, dt, dd, figcaption, button, .button')]"
        sizes = page.evaluate(f"{texts}.map(one => parseFloat(getComputedStyle(one).fontSize))")
        assert min(sizes) >= 14
        heights = page.evaluate(
            "[...document.querySelectorAll('button, select, .button')].map(one => one.offsetHeight)"
        )
        assert min(height for height in heights if height) >= 44  # for fingers


def test_nothing_leaves_the_machine(browser, address, visit):
    """Every request goes to the page's own server, and the browser refuses others."""
    with visit(address) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        page.show_sample()
        assert len(asked) > 10
        assert [url for url in asked if not url.startswith((address, f"blob:{address}"))] == []
        refused = page.evaluate(
            """new Promise((resolve) => {
              document.addEventListener("securitypolicyviolation", ({ blockedURI }) => resolve(blockedURI));
              fetch("http://127.0.0.1:9/picture", { method: "POST", body: "x" }).catch(() => null);
            })"""
        )
        assert refused == "http://127.0.0.1:9/picture"


def test_by_keyboard_alone(address, site, estimate, visit):
    with visit(address) as page:
        focused = "document.activeElement.id"
        for expected in ("file1", "file2", "sample"):
            page.keyboard.press("Tab")
            assert page.evaluate(focused) == expected
        page.keyboard.press("Enter")
        page.done((256, 256))
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
