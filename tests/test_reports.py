"""Reports as a reader uses them: in a browser, on a desk and on a phone."""

from functools import partial

import numpy as np
import pytest

from benchmarks.pictures import report_pictures
from benchmarks.pictures.report_pictures import DESK, PHONE
from keras_models.evaluation.evaluate_flow import evaluate_flow
from keras_models.evaluation.flow_report import write_flow_report
from keras_models.inference.estimators import get_estimator
from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.clip_analysis.results.clip_report import write_clip_report
from pipelines.io.images import encode_png, read_image
from pipelines.io.tfrecord_writer import PairRecord, write_shard
from pipelines.io.video import write_video
from pipelines.records.build_config import BuildConfig
from pipelines.records.manifest import ClipReport, Manifest
from pipelines.records.statistics import STATISTICS, write_statistics
from pipelines.visualization.report import Comparison, Section, Table, write_report

pytest.importorskip("playwright", reason="what drives a browser is installed by `make reports`")
pytestmark = pytest.mark.skipif(
    report_pictures.chromium() is None, reason="no Chromium is installed (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory, pair_folder):
    """The report of `faceflow evaluate flow --report`."""
    path = tmp_path_factory.mktemp("evaluation") / "report.html"
    methods = {name: get_estimator(name) for name in ("zero", "dis_fast", "dis_medium")}
    write_flow_report(path, evaluate_flow(pair_folder, methods), methods)
    return path


@pytest.fixture(scope="module")
def statistics(tmp_path_factory, portrait, portrait_landmarks):
    """The page of `faceflow build`."""
    out = tmp_path_factory.mktemp("records")
    png = encode_png(portrait)
    shard = write_shard(
        out / "0.tfrecord",
        [PairRecord("anna", "clip", 0, 1, png, png, portrait_landmarks, portrait_landmarks)],
    )
    motion = [1, 0, 0, 0, 0, 0, 0, 0, 0]
    clip = ClipReport("anna", "clip", "key", "0.tfrecord", shard.size, shard.sha256, 2, 0, 0, 1, motion)
    why = f"{'/a/rather/long/path' * 4}/film.mp4: not a video that can be read"
    left_out = ClipReport("bert", "clip", "key", failure=why)
    write_statistics(out, Manifest("CLIPS", BuildConfig(), {}, False, [clip, left_out], [], []))
    return out / STATISTICS


@pytest.fixture(scope="module")
def clip(tmp_path_factory, portrait):
    """The report of `faceflow analyze` on twelve frames, of which one is an event."""
    folder = tmp_path_factory.mktemp("analysed")
    frames = [panel(portrait, level) for level in (0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0, 0)]
    write_video(folder / "magnified.mp4", frames, 25)
    times = np.arange(12) / 25
    curve = np.array([0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0, np.nan])
    event = FoundEvent("micro", 1, 5, 9, 4.0, "mouth right", "positive", 0.8)
    write_clip_report(
        folder / "report.html", "smile.mp4", times, 25.0,
        {"mouth right": curve, "brows left": curve / 2}, (event,),
        ("the reference is frame 0 (named)",), frames[0][:384, :384], 8.0, 3.0, 0.15,
    )  # fmt: skip
    return folder / "report.html"


def panel(portrait, level):
    """Four pictures as the video has them; the first is darker from level to level."""
    shown = np.zeros((768, 768, 3), np.uint8)
    shown[:384, :384] = portrait[:384, :384] // (level + 1)
    return shown


@pytest.fixture(scope="module")
def browser():
    with report_pictures.browser() as started:
        yield started


@pytest.fixture
def opened(browser):
    """A function that opens a report in a window of a size."""
    return partial(report_pictures.opened, browser)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", ["evaluation", "statistics", "clip"])
def test_it_fits_the_window(name, size, opened, request):
    """Nothing but what is in a box of its own reaches beyond the window, and text is large enough."""
    with opened(request.getfixturevalue(name), size) as page:
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size[0]
        texts = "[...document.querySelectorAll('p, td, th, figcaption')]"
        sizes = page.evaluate(f"{texts}.map(text => parseFloat(getComputedStyle(text).fontSize))")
        assert min(sizes) >= 14
        words = "[...document.querySelectorAll('p, figcaption')]"
        assert page.evaluate(f"Math.max(...{words}.map(one => one.getBoundingClientRect().right))") <= size[0]
        pictures = page.evaluate("[...document.images].map(one => [one.naturalWidth, one.width, one.alt])")
        assert pictures
        for natural, shown, words in pictures:
            assert natural > 0
            assert shown >= 120
            assert words


def test_nothing_comes_from_elsewhere(evaluation, opened):
    with opened(evaluation, DESK) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: asked.append(str(error)))
        page.reload()
        elsewhere = [url for url in asked if not url.startswith(("file:", "data:"))]
        assert elsewhere == []
        assert any(url.startswith("file:") for url in asked)


def test_a_click_sorts_a_table(evaluation, opened):
    def column(number):
        cells = page.locator("table").first.locator(f"tbody tr td:nth-child({number})")
        return cells.all_inner_texts()

    with opened(evaluation, DESK) as page:
        before = [float(text) for text in column(2)]
        assert before == sorted(before)  # the best first
        heading = page.get_by_role("columnheader", name="EPE face").first
        heading.click()
        heading.click()
        assert [float(text) for text in column(2)] == before[::-1]
        assert heading.get_attribute("aria-sort") == "descending"
        heading.press("Enter")  # and without a mouse
        assert [float(text) for text in column(2)] == before
        page.get_by_role("columnheader", name="method").first.click()
        assert column(1) == ["dis_fast", "dis_medium", "zero"]


def test_numbers_are_sorted_by_value_and_gaps_come_last(tmp_path, opened):
    table = Table(["name", "value"], [["a", "9.5"], ["b", "-"], ["c", "10.1"], ["d", "-3"]])
    write_report(tmp_path / "report.html", "title", "summary", [Section("numbers", tables=[table])])
    with opened(tmp_path / "report.html", PHONE) as page:
        page.get_by_role("columnheader", name="value").click()
        assert page.locator("tbody td:nth-child(2)").all_inner_texts() == ["-3", "9.5", "10.1", "-"]


def test_the_slider_uncovers_one_frame_or_the_other(tmp_path, opened):
    """Red on the left, blue on the right, as far as the slider says."""
    red, blue = (np.full((60, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    section = Section("both", comparisons=[Comparison(red, blue, "red and blue")])
    write_report(tmp_path / "report.html", "title", "summary", [section])
    with opened(tmp_path / "report.html", PHONE) as page:
        slider, picture = page.get_by_role("slider"), page.locator(".compare div")

        def red_share():
            page.wait_for_timeout(50)
            picture.screenshot(path=tmp_path / "picture.png")
            return float((read_image(tmp_path / "picture.png")[20:-20, :, 0] > 128).mean())

        assert red_share() == pytest.approx(0.5, abs=0.02)
        box = slider.bounding_box()
        page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
        assert red_share() == pytest.approx(0.8, abs=0.05)
        slider.press("Home")
        assert red_share() < 0.02
        slider.press("End")
        assert red_share() > 0.98


def test_pictures_for_the_docs(evaluation, tmp_path, browser):
    report_pictures.take(browser, evaluation, tmp_path)
    assert read_image(tmp_path / "report_desk.png").shape == (DESK[1], DESK[0], 3)
    phone = read_image(tmp_path / "report_phone.png")
    assert phone.shape == (PHONE[1], PHONE[0], 3)
    assert phone.std() > 10  # not a blank page


def test_events_and_keys_seek(clip, opened):
    with opened(clip, PHONE) as page:
        page.wait_for_function("document.getElementById('clip').readyState >= 2")
        page.get_by_role("button", name="micro at 0.20 s: positive 80%").click()
        page.wait_for_function("document.getElementById('now').textContent.startsWith('0.20 s, frame 5')")
        chart = page.get_by_role("slider", name="Time in the clip")
        assert chart.get_attribute("aria-valuenow") == "0.20"
        chart.focus()
        for key, expected in (("ArrowRight", 6), ("ArrowLeft", 5), ("Home", 0), ("End", 11)):
            chart.press(key)
            wait_for(page, expected / 25, expected)
        box = chart.bounding_box()
        page.mouse.click(box["x"] + 0.52 * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_function("/frame (5|6)$/.test(document.getElementById('now').textContent)")


def wait_for(page, seconds, frame):
    said = f"{seconds:.2f} s, frame {frame}"
    page.wait_for_function(f"document.getElementById('now').textContent === '{said}'")


@pytest.mark.parametrize("irregular", [False, True])
def test_the_frame_that_is_named_is_shown(irregular, opened, tmp_path):
    """At 30 frames a second, no multiple of which is exact; and where frames of the clip come late."""
    count = 40
    levels = [6 * number for number in range(count)]
    write_video(tmp_path / "magnified.mp4", [np.full((768, 768, 3), level, np.uint8) for level in levels], 30)
    times = np.arange(count) / 30
    if irregular:
        times[10:] += 0.5
    events = tuple(FoundEvent("macro", k, k, k, 4.0, "mouth right") for k in (7, 16, 35))
    write_clip_report(
        tmp_path / "report.html", "clip.mp4", times, 30.0, {"mouth right": np.arange(count) / 10}, events, (),
        np.zeros((384, 384, 3), np.uint8), 8.0, 3.0, 0.15,
    )  # fmt: skip
    with opened(tmp_path / "report.html", DESK) as page:
        page.wait_for_function("document.getElementById('clip').readyState >= 2")

        def is_shown(frame):
            wait_for(page, times[frame], frame)
            page.wait_for_timeout(50)
            pixel = "document.getElementById('frame').getContext('2d').getImageData(200, 200, 1, 1).data[0]"
            assert page.evaluate(pixel) == pytest.approx(levels[frame], abs=2.5)

        for button, event in zip(page.locator("[data-frame]").all(), events, strict=True):
            button.click()
            is_shown(event.apex)
        chart = page.get_by_role("slider", name="Time in the clip")
        chart.press("Home")
        is_shown(0)
        for frame in range(1, 12):
            chart.press("ArrowRight")
            is_shown(frame)


def test_the_frame_that_is_shown_lies_beside_the_reference(clip, opened, tmp_path):
    """At the apex the face is a fifth as bright: on the right of the slider, and everywhere at its start."""
    with opened(clip, DESK) as page:
        page.wait_for_function("document.getElementById('clip').readyState >= 2")
        page.get_by_role("button", name="micro at 0.20 s").click()
        page.wait_for_function("document.getElementById('now').textContent.includes('frame 5')")
        slider, picture = (
            page.get_by_role("slider", name="Share of the reference frame"),
            page.locator(".compare"),
        )

        def brightness():
            page.wait_for_timeout(100)
            picture.screenshot(path=tmp_path / "picture.png")
            shown = read_image(tmp_path / "picture.png").mean(axis=(0, 2))
            return shown[: len(shown) // 2].mean(), shown[len(shown) // 2 :].mean()

        slider.press("End")
        whole = brightness()
        slider.press("Home")
        dark = brightness()
        assert dark[0] < 0.35 * whole[0]
        assert dark[1] < 0.35 * whole[1]


def test_regions_can_be_left_out(clip, opened):
    with opened(clip, PHONE) as page:
        box = page.get_by_role("checkbox", name="brows left")
        assert page.locator("#chart path").count() == 2
        box.press("Space")
        assert page.locator("#chart path").nth(1).evaluate("line => line.style.display") == "none"
