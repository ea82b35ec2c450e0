import csv
import json
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.clip_analysis.analysis import AnalysisConfig, _classified, _events, analyse_clip
from pipelines.clip_analysis.analysis_files import EVENT_REGIONS
from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.io.video import read_clip, write_video


@pytest.fixture(scope="module")
def smile(moved):
    """Frames of a smile that comes and goes: 4 px at frame 12 of 24, while the head drifts by 3 px."""
    frames = []
    for number in range(24):
        level = np.sin(np.pi * np.clip((number - 4) / 16, 0, 1)) ** 2
        drift = number / 8
        frames.append(moved(((0, 0), (0, 0), (drift, -drift)), smile=4 * level)[0])
    return frames


@pytest.fixture(scope="module")
def analysed(smile, dis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("analysed")
    write_video(folder / "smile.mp4", smile, 25)
    config = AnalysisConfig(reference=0, magnify=4)
    return analyse_clip(folder / "smile.mp4", folder / "out", dis, config)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_smile_is_measured(analysed):
    """Both corners go outwards and up, most at frame 12; the forehead stays."""
    rows = {
        (int(row["frame"]), row["region"], row["side"]): row for row in table(analysed.folder / "motion.csv")
    }
    assert len(rows) == 24 * 8 * 3
    for side, outwards in (("right", -1), ("left", 1)):
        corner = rows[12, "mouth_corners", side]
        assert outwards * float(corner["u_px"]) > 1
        assert float(corner["v_px"]) < -1
        assert float(rows[0, "mouth_corners", side]["rms_px"]) < 0.2
        assert float(rows[12, "forehead", side]["rms_px"]) < 0.4
        ratio = float(corner["u_mm"]) / float(corner["u_px"])
        assert ratio == pytest.approx(analysed.mm_per_pixel[12], rel=1e-3)
    assert float(rows[12, "mouth_corners", "both"]["time_s"]) == pytest.approx(0.48, abs=1e-3)


def test_the_wide_table_has_the_numbers_of_the_other_tables(analysed):
    wide, heads = table(analysed.folder / "motion_wide.csv"), table(analysed.folder / "frames.csv")
    assert [row["frame"] for row in wide] == [str(number) for number in range(24)]
    assert {row["success"] for row in wide} == {"1"}
    assert [row["confidence"] for row in wide] == [row["valid"] for row in heads]
    cells = 0
    for row in table(analysed.folder / "motion.csv"):
        frame = wide[int(row["frame"])]
        assert frame["timestamp"] == row.pop("time_s")
        part = f"{row.pop('region')}_{row.pop('side')}"
        for quantity in row.keys() - {"frame"}:
            if quantity != "asymmetry" or part.endswith("_both"):
                assert frame[f"{part}_{quantity}"] == row[quantity]
                cells += 1
    assert cells == 24 * (len(wide[0]) - 4)


def test_head_is_apart(analysed, portrait_landmarks):
    """It drifts by 23/8 px of the frame, in millimetres by the distance of the irises."""
    rows = table(analysed.folder / "frames.csv")
    assert [row["status"] for row in rows] == ["restarted"] + ["tracked"] * 23
    distance = np.linalg.norm(portrait_landmarks[468] - portrait_landmarks[473])
    expected = 23 / 8 * 63 / distance
    assert float(rows[23]["head_x_mm"]) == pytest.approx(expected, rel=0.12)
    assert float(rows[23]["head_y_mm"]) == pytest.approx(-expected, rel=0.12)
    assert all(abs(float(row["yaw_deg"])) < 4 for row in rows)


def test_event_and_files(analysed):
    (event,) = [event for event in analysed.events if event.kind != "blink"]
    assert abs(event.apex - 12) <= 1
    assert event.region.startswith("mouth_corners")
    found = [row for row in table(analysed.folder / "events.csv") if row["kind"] != "blink"]
    assert [(row["kind"], row["apex"], row["apex_s"]) for row in found] == [
        (event.kind, str(event.apex), f"{event.apex / 25:.4f}")
    ]
    summary = json.loads((analysed.folder / "summary.json").read_text())
    assert (summary["frames"], summary["tracked"], summary["references"]) == (24, 24, [0])
    assert analysed.notes[0] == "the reference is frame 0 (named)"
    page = (analysed.folder / "report.html").read_text()
    assert "data:video/mp4;base64," in page
    assert page.count("data-frame=") == len(analysed.events)
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_video_shows_the_smile_larger(analysed, smile):
    video = read_clip(analysed.folder / "magnified.mp4").astype(float)
    assert video.shape == (24, 768, 768, 3)
    left, right = video[:, :384, :384], video[:, :384, 384:]
    apart = np.abs(left - right).mean(axis=(1, 2, 3))
    assert apart[12] > 2 * apart[0]
    # Below, colour where the smile is; strain is black on a face at rest.
    flow, strain = video[:, 384:, :384], video[:, 384:, 384:]
    colour = flow.max(axis=-1) - flow.min(axis=-1)
    assert colour[12].mean() > 2 * colour[0].mean()
    assert (strain[12] > 180).mean() > (strain[0] > 180).mean() + 0.005


def test_events_do_not_reach_across_a_change_of_the_reference():
    """The motion goes on in the next shot, but it is another person's."""
    times, count = np.arange(60) / 25, 60
    rise = np.interp(np.arange(count), [10, 25, 40], [0, 4, 0])

    def found(references):
        motion = np.zeros((count, len(EVENT_REGIONS), 2))
        motion[:, EVENT_REGIONS.index("mouth_corners right"), 0] = rise
        openings, head = np.ones((count, 2)), np.zeros((count, 2))
        collected = SimpleNamespace(
            motion=lambda: motion, openings=openings, head=head, references=np.array(references)
        )
        return _events(collected, times)

    (whole,) = found([0] * count)
    assert whole.onset < 30 < whole.offset
    (cut,) = found([0] * 30 + [35] * 30)
    assert (cut.onset, cut.apex) == (whole.onset, whole.apex)
    assert cut.offset < 30
    later = found([0] * 5 + [-1] * 3 + [9] * 52)  # a title, and a shot that begins with frame 8
    assert [(event.onset, event.apex, event.offset) for event in later] == [
        (whole.onset, whole.apex, whole.offset)
    ]


def test_the_class_is_that_of_the_face_whose_motion_was_measured(portrait, portrait_landmarks, tmp_path):
    """A larger face stands beside it; and where the face was not seen, there is no class."""
    small, larger = portrait[::2, ::2], portrait[:, 100:356]
    nobody = np.vstack([small, np.zeros_like(small)])
    for number in range(3):
        write_image(tmp_path / "two" / f"{number}.png", np.hstack([nobody, larger]))
        write_image(tmp_path / "one" / f"{number}.png", np.hstack([nobody, np.zeros_like(larger)]))
    store = LandmarkStore(tmp_path / "landmarks")
    for points in (portrait_landmarks / 2, None, portrait_landmarks / 2):
        store.add(points)
    seen = []

    def classify(onset, apex):
        seen.append((onset, apex))
        return "positive", 0.9

    for name in ("two", "one"):
        events = [
            FoundEvent("micro", 0, 2, 2, 1, "brows both"),
            FoundEvent("micro", 1, 2, 2, 1, "brows both"),
        ]
        labels = [event.label for event in _classified(tmp_path / name, events, classify, store)]
        assert labels == ["positive", ""]
    store.close()
    np.testing.assert_array_equal(*seen)
    assert np.shape(seen) == (2, 2, 224, 224, 3)


def test_millimetres_of_the_report_are_those_of_the_distance_of_the_pupils(smile, dis, tmp_path):
    """Twice the distance: twice the millimetres, and half the colour."""
    write_video(tmp_path / "smile.mp4", smile[8:14], 25)
    saturation = []
    for distance in (63.0, 126.0):
        config = AnalysisConfig(reference=0, magnify=4, interpupillary_mm=distance)
        result = analyse_clip(tmp_path / "smile.mp4", tmp_path / f"{distance}", dis, config)
        colours = read_clip(result.folder / "magnified.mp4")[-1, 384:, :384].astype(float)
        saturation.append((colours.max(axis=-1) - colours.min(axis=-1)).mean())
    assert 1.2 * saturation[0] < saturation[1]


def test_annotations_of_a_video_lie_where_it_shows_them(smile, dis, tmp_path):
    """A stated rate changes the times of the tables, and not those at which a player shows the frames."""
    write_video(tmp_path / "smile.mp4", smile, 25)
    config = AnalysisConfig(reference=0, magnify=0, rate=100)
    result = analyse_clip(tmp_path / "smile.mp4", tmp_path / "out", dis, config)
    (event,) = [event for event in result.events if event.kind != "blink"]
    assert result.times[event.apex] == event.apex / 100
    root = ET.parse(tmp_path / "out" / "events.eaf").getroot()
    slots = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert 1000 * event.apex // 25 in slots
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL") == "../smile.mp4"


def test_a_face_that_leaves_and_returns(smile, dis, tmp_path):
    """Five frames without a face, then the same one: no new reference, and the gap is marked."""
    frames = [smile[0]] * 4 + [np.full_like(smile[0], 90)] * 5 + [smile[0]] * 4
    for number, frame in enumerate(frames):
        write_image(tmp_path / "clip" / f"{number}.png", frame)
    result = analyse_clip(tmp_path / "clip", tmp_path / "out", dis, AnalysisConfig(magnify=0))
    assert result.status[4:9] == ("no_face",) * 5
    assert all(status in ("tracked", "restarted") for status in result.status[9:])
    assert "5 of 13 frames have no face" in result.notes
    assert result.events == ()
    rows = table(tmp_path / "out" / "motion.csv")
    assert {int(row["frame"]) for row in rows} == {0, 1, 2, 3, 9, 10, 11, 12}
    wide = table(tmp_path / "out" / "motion_wide.csv")
    assert [row["success"] for row in wide] == ["1"] * 4 + ["0"] * 5 + ["1"] * 4
    assert [float(row["confidence"]) > 0 for row in wide] == [row["success"] == "1" for row in wide]
    assert [row["nose_both_rms_px"] != "" for row in wide] == [row["success"] == "1" for row in wide]
    assert not (tmp_path / "out" / "magnified.mp4").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"reference": 99}, "--reference 99: the clip has 3 frames, 0 to 2"),
        ({"reference": 1}, "--reference 1: no face found in this frame"),
        ({"rate": -1.0}, "rate -1"),
        ({"reference": 0.5}, "--reference 0.5: must be a whole number"),
        ({"reference": -1}, "--reference -1: frames are counted from 0"),
    ],
)
def test_bad_settings_leave_nothing(smile, dis, tmp_path, config, message):
    for number, frame in enumerate([smile[0], np.full_like(smile[0], 90), smile[0]]):
        write_image(tmp_path / "clip" / f"{number}.png", frame)
    with pytest.raises(InputError, match=message):
        analyse_clip(tmp_path / "clip", tmp_path / "out", dis, AnalysisConfig(**config))
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_clip_without_a_face(dis, tmp_path):
    write_image(tmp_path / "clip" / "0.png", np.full((120, 160, 3), 90, np.uint8))
    with pytest.raises(InputError, match="clip: no face found in any of its 1 frames"):
        analyse_clip(tmp_path / "clip", tmp_path / "out", dis)


def test_one_frame(smile, dis, tmp_path):
    write_image(tmp_path / "clip" / "0.png", smile[0])
    result = analyse_clip(tmp_path / "clip", tmp_path / "out", dis)
    assert (len(result.times), result.events) == (1, ())
    assert "the clip has one frame, so nothing moves in it" in result.notes


def test_an_analysis_need_not_be_written(analysed, dis, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = analyse_clip(analysed.clip, None, dis, AnalysisConfig(reference=0, parquet=True))
    assert result.events == analysed.events
    np.testing.assert_array_equal(result.motion, analysed.motion)
    assert result.folder is None
    assert not list(tmp_path.iterdir())


def test_settings_that_make_no_sense():
    with pytest.raises(InputError, match="--interpupillary-mm 0: must be more than 0"):
        AnalysisConfig(interpupillary_mm=0)
    with pytest.raises(InputError, match="--magnify -1"):
        AnalysisConfig(magnify=-1)


def test_a_reference_may_come_from_numpy():
    """As `argmin` and pandas return it; JSON cannot hold it."""
    assert json.dumps(AnalysisConfig(reference=np.int64(3)).reference) == "3"


def test_a_folder_that_cannot_be_written_is_said_before_the_work(smile, dis, tmp_path, monkeypatch):
    def work(*arguments):
        raise AssertionError

    monkeypatch.setattr("pipelines.clip_analysis.analysis.clip_motion", work)
    write_image(tmp_path / "clip" / "0.png", smile[0])
    with pytest.raises(OSError, match="cannot be written"):
        analyse_clip(tmp_path / "clip", "/proc/nowhere/out", dis)
