import csv
import errno
import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from keras_models.inference import clip_analyses
from keras_models.inference.clip_analyses import AnalysisRequest, analyse, analyse_folder
from keras_models.inference.recognition import LEAST_STRENGTH, Recognition
from keras_models.presets import preset_folder
from pipelines.clip_analysis.analysis import AnalysisConfig
from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.io.video import write_video
from pipelines.landmarks.face_mesh import IBUG_68

REQUEST = AnalysisRequest(AnalysisConfig(magnify=0), model="dis_fast", classifier=None)


@pytest.fixture
def clips(portrait, tmp_path):
    """Two clips of the portrait, one deeper, and a clip without a face."""
    folder = tmp_path / "clips"
    for name in ("anna/one", "bert/two"):
        for number in range(3):
            write_image(folder / name / f"{number}.png", np.roll(portrait, number, axis=1))
    write_image(folder / "bert" / "blank" / "0.png", np.full((64, 64, 3), 90, np.uint8))
    return folder


def rows(out):
    with (out / "summary.csv").open(newline="") as file:
        return {row["clip"]: row for row in csv.DictReader(file)}


def test_a_face_that_does_not_move_has_no_class(portrait, monkeypatch):
    """As `faceflow expression` answers for the same frames."""
    classify, crop = clip_analyses._classify("expression"), portrait[:224, 100:324]
    for strength, answer in ((LEAST_STRENGTH - 0.01, False), (LEAST_STRENGTH + 0.01, True)):
        monkeypatch.setattr(Recognition, "strength", strength)
        assert (classify(crop, crop) is not None) == answer


def test_a_row_for_each_clip(clips, tmp_path):
    out = tmp_path / "out"
    found = analyse_folder(clips, out, REQUEST)
    assert [row.clip for row in found] == ["anna-one", "bert-blank", "bert-two"]
    table = rows(out)
    assert (table["anna-one"]["frames"], table["anna-one"]["tracked"]) == ("3", "3")
    assert table["bert-blank"]["failure"].startswith(str(clips / "bert" / "blank"))
    assert "no face found in any of its 1 frames" in table["bert-blank"]["failure"]
    assert table["bert-blank"]["frames"] == ""
    assert sorted(path.name for path in out.iterdir()) == [
        "analyses.json", "anna-one", "bert-two", "summary.csv",
    ]  # fmt: skip


def test_a_second_start_goes_on(clips, tmp_path, monkeypatch):
    """Ctrl-C after the first clip: it is kept, and the next start does the other two."""
    out, done = tmp_path / "out", []

    def interrupted(clip, *more):
        if done:
            raise KeyboardInterrupt
        done.append(clip.name)
        return analyse_to_row(clip, *more)

    analyse_to_row = clip_analyses.analyse_to_row
    monkeypatch.setattr(clip_analyses, "analyse_to_row", interrupted)
    with pytest.raises(KeyboardInterrupt):
        analyse_folder(clips, out, REQUEST)
    assert list(rows(out)) == ["anna-one"]
    changed = (out / "anna-one" / "motion.csv").stat().st_mtime_ns
    monkeypatch.setattr(clip_analyses, "analyse_to_row", analyse_to_row)
    analyse_folder(clips, out, REQUEST)
    assert list(rows(out)) == ["anna-one", "bert-blank", "bert-two"]
    assert (out / "anna-one" / "motion.csv").stat().st_mtime_ns == changed
    with pytest.raises(InputError, match=r"holds analyses with magnify 0.*choose another folder"):
        analyse_folder(clips, out, replace(REQUEST, config=AnalysisConfig(magnify=2)))


def test_results_inside_the_folder_of_the_clips_are_no_clips(clips):
    request = replace(REQUEST, config=AnalysisConfig(magnify=2))
    for name in ("analysis", "analysis", "another"):
        analyse_folder(clips, clips / name, request)
        assert list(rows(clips / name)) == ["anna-one", "bert-blank", "bert-two"]
    assert (clips / "analysis" / "anna-one" / "magnified.mp4").exists()
    with pytest.raises(InputError, match="holds results of analyses, and no clips"):
        analyse_folder(clips / "analysis", clips / "again", request)
    with pytest.raises(InputError, match=r"choose another folder|something in it"):
        analyse_folder(clips / "anna", clips, request)


def test_a_clip_that_has_changed_is_analysed_anew(clips, tmp_path, portrait):
    out = tmp_path / "out"
    analyse_folder(clips, out, REQUEST)
    write_image(clips / "anna" / "one" / "3.png", portrait)
    analyse_folder(clips, out, REQUEST)
    assert rows(out)["anna-one"]["frames"] == "4"
    assert json.loads((out / "anna-one" / "summary.json").read_text())["frames"] == 4
    assert rows(out)["anna-one"]["no_face"] == "0"
    write_image(clips / "anna" / "one" / "3.png", np.zeros_like(portrait))  # in place
    analyse_folder(clips, out, REQUEST)
    assert rows(out)["anna-one"]["no_face"] == "1"


def test_what_killed_processes_have_left_is_removed(clips, tmp_path):
    out = tmp_path / "out"
    (out / ".anna-one.x1y2" / "anna-one").mkdir(parents=True)
    (out / ".mine").mkdir()
    (out / clip_analyses.STATE).write_text('{"settings": {}, "clips": []}')
    with pytest.raises(InputError, match="choose another folder"):  # nothing of others is touched
        analyse_folder(clips, out, REQUEST)
    assert (out / ".anna-one.x1y2").exists()
    (out / clip_analyses.STATE).unlink()
    shutil.rmtree(out / ".mine")
    shutil.rmtree(out / ".anna-one.x1y2")
    analyse_folder(clips, out, REQUEST)
    (out / ".anna-one.x1y2" / "anna-one").mkdir(parents=True)
    (out / ".mine").mkdir()
    analyse_folder(clips, out, REQUEST)
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == [".mine"]


def test_clips_without_landmarks_are_named(clips, tmp_path, portrait_landmarks):
    """They are tried again when their file is there; frames of low confidence are said."""

    def table(name, *confidences):
        columns = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
        lines = [",".join(["frame", "timestamp", "confidence", "success", *columns])]
        points = ",".join(map(str, portrait_landmarks[IBUG_68].T.ravel()))
        lines += [f"{k + 1},{0.04 * k},{value},1,{points}" for k, value in enumerate(confidences)]
        (tmp_path / "openface" / f"{name}.csv").write_text("\n".join(lines))

    (tmp_path / "openface").mkdir()
    request = replace(REQUEST, landmarks=f"openface:{tmp_path / 'openface'}")
    table("anna-one", 0.9, 0.1, 0.9)
    found = {row.clip: row for row in analyse_folder(clips, tmp_path / "out", request)}
    assert list(found) == list(rows(tmp_path / "out")) == ["anna-one", "bert-blank", "bert-two"]
    assert not found["anna-one"].failure
    assert "1 frame(s) with a confidence below" in found["anna-one"].notes
    assert "no file of landmarks for it" in found["bert-two"].failure
    table("bert-two", 0.9, 0.9, 0.9)
    found = {row.clip: row for row in analyse_folder(clips, tmp_path / "out", request)}
    assert not found["bert-two"].failure
    assert "no file of landmarks for it" in found["bert-blank"].failure


def test_landmarks_that_have_changed_are_used(clips, tmp_path):
    def table(shift):
        points = np.stack([100 + 40 * np.cos(np.arange(68)), 100 + 50 * np.sin(np.arange(68))], -1) + shift
        names = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
        lines = [", ".join(["frame", "timestamp", "confidence", "success", *names])]
        for frame in range(1, 4):
            values = [frame, 0.04 * frame, 0.9, 1, *points.T.ravel().round(2)]
            lines.append(", ".join(map(str, values)))
        for name in ("anna-one", "bert-two"):
            (tmp_path / "openface" / f"{name}.csv").write_text("\n".join(lines))

    (tmp_path / "openface").mkdir()
    request = replace(REQUEST, landmarks=f"openface:{tmp_path / 'openface'}")
    table(0)
    analyse_folder(clips, tmp_path / "out", request)
    before = (tmp_path / "out" / "anna-one" / "frames.csv").read_text()
    analyse_folder(clips, tmp_path / "out", request)
    assert (tmp_path / "out" / "anna-one" / "frames.csv").read_text() == before
    table(8)
    analyse_folder(clips, tmp_path / "out", request)
    assert (tmp_path / "out" / "anna-one" / "frames.csv").read_text() != before


def test_a_network_that_was_trained_again_is_another(clips, tmp_path):
    """A folder of analyses does not mix two networks that have the same name."""
    run = tmp_path / "run"
    shutil.copytree(preset_folder("expression"), run)
    request = replace(REQUEST, classifier=str(run))
    analyse_folder(clips, tmp_path / "out", request)
    analyse_folder(clips, tmp_path / "out", request)
    (run / "network.weights.h5").write_bytes(b"other weights")
    with pytest.raises(InputError, match=r"holds analyses with classifier files .*choose another folder"):
        analyse_folder(clips, tmp_path / "out", request)


def test_processes_write_the_same(clips, tmp_path):
    analyse_folder(clips, tmp_path / "one", REQUEST)
    analyse_folder(clips, tmp_path / "two", REQUEST, workers=2)
    for clip in ("anna-one", "bert-two"):
        here, there = (tmp_path / name / clip / "motion.csv" for name in ("one", "two"))
        assert here.read_bytes() == there.read_bytes()
    assert rows(tmp_path / "one") == rows(tmp_path / "two")


def test_folders_that_are_refused(clips, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="mine: is a folder with something in it"):
        analyse_folder(clips, tmp_path / "mine", REQUEST)
    with pytest.raises(InputError, match="--reference names a frame of one clip"):
        analyse_folder(clips, tmp_path / "out", replace(REQUEST, config=AnalysisConfig(reference=0)))
    shutil.rmtree(clips / "anna")
    shutil.rmtree(clips / "bert" / "two")
    with pytest.raises(InputError, match="none of 1 clips could be analysed"):
        analyse_folder(clips, tmp_path / "out", REQUEST)


def test_landmarks_of_openface_and_parquet(clips, tmp_path, portrait_landmarks):
    """Points shifted as the portrait is: the head moves by a pixel a frame, in tables of both formats."""
    columns = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    lines = [",".join(["frame", "face_id", "confidence", "success", *columns])]
    for number in range(3):
        points = portrait_landmarks[IBUG_68] + [number, 0]
        lines.append(",".join([str(number + 1), "0", "0.98", "1", *map(str, points.T.ravel())]))
    (tmp_path / "openface.csv").write_text("\n".join(lines))
    request = replace(
        REQUEST,
        config=AnalysisConfig(reference=0, magnify=0, parquet=True),
        landmarks=f"openface:{tmp_path / 'openface.csv'}",
    )
    analysis = analyse(clips / "anna" / "one", tmp_path / "out", request)
    assert analysis.status == ("restarted", "tracked", "tracked")
    heads = pq.read_table(tmp_path / "out" / "frames.parquet").to_pydict()
    size = 224 / np.ptp(portrait_landmarks[IBUG_68], axis=0).max()
    assert heads["head_x_px"][2] / heads["head_x_px"][1] == pytest.approx(2, rel=0.1)
    assert 0.3 * size < heads["head_x_px"][1] < 1.5 * size
    with (tmp_path / "out" / "motion.csv").open(newline="") as file:
        text = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "out" / "motion.parquet").to_pylist()
    assert len(table) == len(text) > 0
    for row, same in zip(table, text, strict=True):
        assert row["frame"] == int(same["frame"])
        assert (row["region"], row["side"]) == (same["region"], same["side"])
        assert row["u_px"] == (float(same["u_px"]) if same["u_px"] else None)
    wide = pq.read_table(tmp_path / "out" / "motion_wide.parquet").to_pylist()
    assert [(row["frame"], row["success"]) for row in wide] == [(0, 1), (1, 1), (2, 1)]
    assert [row["nose_left_u_px"] for row in wide] == [
        row["u_px"] for row in table if (row["region"], row["side"]) == ("nose", "left")
    ]


@pytest.mark.parametrize("classifier", ["expresion", "default", "none"])
def test_a_classifier_is_looked_for_before_any_work(clips, tmp_path, monkeypatch, classifier):
    def work(*arguments, **more):
        raise AssertionError

    monkeypatch.setattr(clip_analyses, "analyse_clip", work)
    request = replace(REQUEST, classifier=classifier)
    with pytest.raises(InputError, match=classifier):
        analyse(clips / "anna" / "one", tmp_path / "out", request)
    with pytest.raises(InputError, match=classifier):
        analyse_folder(clips, tmp_path / "out", request)
    assert not (tmp_path / "out").exists()


def test_a_clip_that_may_not_be_read_stops_no_other(clips, tmp_path, monkeypatch):
    analyse_clip = clip_analyses.analyse_clip

    def refuse(clip, *arguments, **more):
        if clip.name == "one":
            raise PermissionError(errno.EACCES, "Permission denied", str(clip))
        return analyse_clip(clip, *arguments, **more)

    monkeypatch.setattr(clip_analyses, "analyse_clip", refuse)
    analyse_folder(clips, tmp_path / "out", REQUEST)
    assert "Permission denied" in rows(tmp_path / "out")["anna-one"]["failure"]
    assert rows(tmp_path / "out")["bert-two"]["frames"] == "3"


def test_flow_that_was_written_beside_the_clips_is_no_clip(clips, tmp_path, portrait):
    write_image(clips / "anna" / "one_flow" / "00000.png", portrait)
    write_video(clips / "anna" / "one_flow" / "flow.mp4", [portrait] * 2, 25)
    (clips / "carl").mkdir()
    write_video(clips / "carl" / "flow.mp4", [portrait] * 2, 25)  # a clip that has this name by chance
    write_video(clips / "carl" / "smile.mp4", [portrait] * 2, 25)
    analyse_folder(clips, tmp_path / "out", REQUEST)
    assert list(rows(tmp_path / "out")) == ["anna-one", "bert-blank", "bert-two", "carl-flow", "carl-smile"]
