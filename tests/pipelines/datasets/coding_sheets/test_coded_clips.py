"""Rows and folders brought together, without a sheet and without pictures."""

from dataclasses import replace

from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded, unknown_emotions
from pipelines.datasets.coding_sheets.coded_videos import VideoFolder, read_coded_videos
from pipelines.datasets.folder_tree import FolderTree

EMOTIONS = ("anger", "surprise")


def coding(name, onset, apex, offset, key="v1", **others):
    return Coding(f"row {name}", "s1", name, key, onset, apex, offset, "4", "anger", **others)


def test_two_expressions_of_one_folder_share_no_frame(tmp_path, touch):
    touch(tmp_path / "v1", [f"{k}.jpg" for k in range(1, 21)])
    codings = [coding("a", 3, 5, 8, last=9), coding("b", 12, 15, 18, first=10)]
    reading = read_coded(FolderTree(tmp_path), codings, [("v1", tmp_path / "v1")], [], EMOTIONS)
    one, two = reading.clips
    assert (one.numbers, one.onset, one.apex, one.offset) == (tuple(range(1, 10)), 2, 4, 7)
    assert (two.numbers, two.onset, two.apex, two.offset) == (tuple(range(10, 21)), 2, 5, 8)
    assert reading.issues == []


def test_a_sheet_that_counts_otherwise(tmp_path, touch):
    touch(tmp_path / "v1", [f"{k}.jpg" for k in range(20)])
    shifted = coding("a", 100, 104, 112, counted_from=100)
    reading = read_coded(FolderTree(tmp_path), [shifted], [("v1", tmp_path / "v1")], [], EMOTIONS)
    (clip,) = reading.clips
    assert (clip.numbers[0], clip.onset, clip.apex, clip.offset) == (100, 0, 4, 12)
    assert clip.frames[0].name == "0.jpg"


def test_emotions_are_held_against_the_owners(tmp_path, touch):
    touch(tmp_path / "v1", [f"{k}.jpg" for k in range(1, 21)])
    reading = read_coded(
        FolderTree(tmp_path), [coding("a", 3, 5, 8)], [("v1", tmp_path / "v1")], [], EMOTIONS
    )
    assert unknown_emotions(reading.clips, EMOTIONS) == []
    (issue,) = unknown_emotions(reading.clips, ("angre",))
    assert "did you mean 'angre'" in issue.reason


def test_videos_have_intervals_of_their_own_frames(tmp_path, touch):
    touch(tmp_path / "v1", [f"{k}.jpg" for k in range(11, 61)])
    touch(tmp_path / "v2", [f"{k}.jpg" for k in range(1, 9)])
    folders = [VideoFolder(name, "s1", name, tmp_path / name) for name in ("v1", "v2")]
    codings = [
        ("macro", coding("late", 40, 50, 0)),
        ("micro", coding("early", 15, 18, 22)),
        ("micro", coding("none", None, 18, 22)),
    ]
    reading = read_coded_videos(FolderTree(tmp_path), codings, folders, [], EMOTIONS, 30.0)
    one, two = reading.videos
    assert [(e.name, e.kind, e.onset, e.apex, e.offset) for e in one.expressions] == [
        ("early", "micro", 4, 7, 11),
        ("late", "macro", 29, 39, 39),
    ]
    assert (two.expressions, two.rate, len(two.frames)) == ((), 30.0, 8)
    assert {(issue.clip, issue.kind) for issue in reading.issues} == {
        ("none", "skipped"),
        ("late", "repaired"),
    }


def test_one_person_is_one_subject_however_written(tmp_path, touch):
    names = {"a": "S01", "b": "s1", "c": "S1", "d": "S11"}
    for name in names:
        touch(tmp_path / name, [f"{k}.jpg" for k in range(1, 21)])
    codings = [replace(coding(name, 3, 5, 8, name), subject=subject) for name, subject in names.items()]
    folders = [(name, tmp_path / name) for name in names]
    reading = read_coded(FolderTree(tmp_path), codings, folders, [], EMOTIONS)
    assert [clip.subject for clip in reading.clips] == ["S01", "S01", "S01", "S11"]
    assert [issue.reason for issue in reading.issues] == [
        "subject s1 is written S01 above; one subject",
        "subject S1 is written S01 above; one subject",
    ]


def test_intervals_of_videos_that_are_not_known(tmp_path, touch):
    touch(tmp_path / "v1", [f"{k}.jpg" for k in range(1, 801) if k != 401])
    folders = [VideoFolder("v1", "s1", "v1", tmp_path / "v1")]
    codings = [
        ("Mirco-expression", coding("misspelt", 15, 18, 22)),
        ("", coding("empty", 15, 18, 22)),
        ("Micro - 1/2", coding("no onset", -1, 32, 36)),
        ("macro", coding("onset 0", 0, 32, 36)),
        ("macro", coding("no offset", 100, 120, -1)),
        ("macro", coding("no end", 500, None, 0)),
        ("micro", coding("missing", 401, 405, 412)),
    ]
    reading = read_coded_videos(FolderTree(tmp_path), codings, folders, [], EMOTIONS, 200.0)
    assert [(e.name, e.kind, e.interval) for e in reading.videos[0].expressions] == [
        ("no offset", "macro", (99, 119)),
        ("missing", "micro", (399, 410)),  # from frame 400
    ]
    said = {issue.clip: issue.reason for issue in reading.issues if issue.kind == "skipped"}
    assert said == {
        "misspelt": "row misspelt: type 'Mirco-expression' is neither micro- nor macro-expression",
        "empty": "row empty: type '' is neither micro- nor macro-expression",
        "no onset": "row no onset: no onset in the sheet that is a frame number",
        "onset 0": "row onset 0: no onset in the sheet that is a frame number",
        "no end": "row no end: offset 0 in the sheet and no apex: its end is not known",
    }
