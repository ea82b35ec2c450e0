from dataclasses import replace

import numpy as np
import pytest

from pipelines.datasets.corpora import read_corpus
from pipelines.errors import InputError
from pipelines.io.landmark_tables import read_landmarks
from pipelines.io.tfrecord_writer import read_record
from pipelines.landmarks.face_mesh import IBUG_68
from pipelines.records.build_config import BuildConfig
from pipelines.records.builder import build
from pipelines.records.clip_landmarks import attach_landmarks


@pytest.fixture
def openface_files(tmp_path, portrait_landmarks):
    """One CSV a clip of `clips_folder`, named as the clips are or as their folders: the portrait is cut at
    (60, 0) there, and rolled by 2 px a frame. OpenFace reads 10.png, 11.png, 8.png, 9.png in this order."""
    points = portrait_landmarks[IBUG_68] - [60, 0]
    tracks = np.stack([points + [2 * k, 0] for k in range(4)]).round(1)
    names = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    for name in ("anna-a", "b"):
        with (tmp_path / f"{name}.csv").open("w") as lines:
            lines.write(", ".join(["frame", "face_id", "timestamp", "confidence", "success", *names]) + "\n")
            for k, frame in enumerate(tracks[[2, 3, 0, 1]]):
                row = [k + 1, 0, k / 25, 0.98, 1, *frame.T.ravel().round(1)]
                lines.write(", ".join(map(str, row)) + "\n")
    return tmp_path, tracks


def test_a_build_takes_them(tmp_path, clips_folder, openface_files):
    folder, tracks = openface_files
    config = BuildConfig(landmarks=f"openface:{folder}", smooth=False, label="sparse")
    manifest = build(clips_folder, tmp_path / "out", config)
    assert [(report.clip, report.pairs) for report in manifest.clips] == [("anna-a", 3), ("anna-b", 3)]
    *ordered, (clip, kind, reason) = sorted((i.clip, i.kind, i.reason) for i in manifest.issues)
    assert (clip, kind) == ("bert-a", "skipped")
    assert reason == f"no file of landmarks for it in {folder}"
    assert [clip for clip, *_ in ordered] == ["anna-a", "anna-b"]
    assert all(
        "the order of the names as text, in which OpenFace reads folders" in each[2] for each in ordered
    )
    record = read_record(tmp_path / "out" / manifest.clips[0].shard, 1)
    np.testing.assert_allclose(record.landmarks1, tracks[1], atol=1e-4)
    np.testing.assert_allclose(record.landmarks2, tracks[2], atol=1e-4)


def test_other_landmarks_make_other_records(tmp_path, clips_folder, openface_files):
    folder, _ = openface_files
    config = BuildConfig(landmarks=f"openface:{folder}", smooth=False)
    keys = {report.clip: report.key for report in build(clips_folder, tmp_path / "out", config).clips}
    text = (folder / "b.csv").read_text()
    (folder / "b.csv").write_text(text.replace("0.98, 1", "0.5, 1", 1))
    manifest = build(clips_folder, tmp_path / "out", config)
    assert {report.clip for report in manifest.clips if keys[report.clip] != report.key} == {"anna-b"}
    assert any("confidence below 0.7" in issue.reason for issue in manifest.issues)


def test_a_file_of_another_clip_is_a_failure(tmp_path, clips_folder, openface_files):
    folder, _ = openface_files
    lines = (folder / "b.csv").read_text().splitlines()
    (folder / "b.csv").write_text("\n".join([*lines, lines[-1].replace("4, ", "99, ", 1)]))
    manifest = build(clips_folder, tmp_path / "out", BuildConfig(landmarks=f"openface:{folder}"))
    (failure,) = manifest.failures
    assert "b.csv: has a row for frame 99, the clip has 4 frames" in failure.failure


def test_places_that_hold_nothing(tmp_path, clips_folder):
    reading = read_corpus("folder", clips_folder)
    with pytest.raises(InputError, match="no such file or folder"):
        attach_landmarks(reading, "openface:absent")
    with pytest.raises(InputError, match="no file in it is named after a clip, such as anna-a"):
        attach_landmarks(reading, f"pts:{tmp_path}")
    with pytest.raises(InputError, match="write KIND:FILE"):
        build(clips_folder, tmp_path / "out", BuildConfig(landmarks="dlib"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_several_clips_could_mean(tmp_path, clips_folder, openface_files):
    """`a.csv` is named after the folder of anna's clip and of bert's."""
    folder, _ = openface_files
    (folder / "anna-a.csv").rename(folder / "a.csv")
    with pytest.raises(InputError, match=r"a\.csv: is named after several clips \(anna-a, bert-a\)"):
        attach_landmarks(read_corpus("folder", clips_folder), f"openface:{folder}")


def test_a_clip_that_is_a_part_of_its_folder(clips_folder, openface_files):
    """The file of a folder has a row for each picture; named after the clip, one for each of its frames."""
    folder, tracks = openface_files
    reading = read_corpus("folder", clips_folder)
    (clip,) = [clip for clip in reading.clips if clip.name == "anna-b"]
    part = replace(clip, frames=tuple(clip.path / f"{number}.png" for number in (9, 10)))
    (found,) = attach_landmarks(replace(reading, clips=[part]), f"openface:{folder}").clips
    np.testing.assert_allclose(found.landmarks(), tracks[1:3], atol=1e-4)
    lines = (folder / "b.csv").read_text().splitlines()
    (folder / "anna-b.csv").write_text("\n".join(lines[:3]))  # header, 10.png and what would be 11.png
    (found,) = attach_landmarks(replace(reading, clips=[part]), f"openface:{folder}").clips
    np.testing.assert_allclose(found.landmarks(), tracks[[3, 2]], atol=1e-4)


@pytest.mark.parametrize(("kind", "first"), [("openface", 1), ("pyfeat", 0)])
def test_frames_counted_from_another_number(tmp_path, kind, first):
    names = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    rows = [[number, *range(136)] for number in (first - 1, first)]
    lines = [",".join(map(str, row)) for row in (["frame", *names], *rows)]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    with pytest.raises(
        InputError, match=rf"row 2 is damaged \(frame {first - 1}, but .* counts from {first}"
    ):
        read_landmarks(kind, tmp_path / "x.csv")
