"""Readers on rendered corpora, against the plans that the corpora were rendered from."""

import pickle
import re

import numpy as np
import pytest

from pipelines.datasets.corpora import CORPORA, casme3, find_clips, read_corpus
from pipelines.datasets.frame_pairs import frame_pairs
from pipelines.errors import InputError
from pipelines.io.video import frame_files
from pipelines.synthetic import rendered_corpora as rendered
from pipelines.synthetic.rendered_corpora import dfme_writer, fourdme_writer, mmew_writer
from pipelines.synthetic.rendered_corpora.long_videos import (
    casme3_writer,
    casme_squared_writer,
    samm_long_writer,
)

NAMES = tuple(rendered.CORPORA)
LONG = ("casme3", "casme_squared", "samm_long")


@pytest.fixture
def plan(tiny_plan):
    return tiny_plan


@pytest.mark.parametrize("name", NAMES)
def test_all_that_was_rendered_is_found(name, tiny_corpus):
    folder = tiny_corpus(name)
    clips = find_clips(name, folder)
    pictures = [path for suffix in ("jpg", "png") for path in folder.rglob(f"*.{suffix}")]
    if name not in LONG:
        assert sorted(frame for clip in clips for frame in clip.frames) == sorted(pictures)
    assert len({clip.name for clip in clips}) == len(clips)
    assert len({clip.subject for clip in clips}) == 1
    assert pickle.loads(pickle.dumps(clips)) == clips
    for clip in clips:
        assert name in LONG or list(clip.frames) == frame_files(clip.path)
        assert len(clip.numbers) == len(clip.frames)
        assert frame_pairs("consecutive", clip, len(clip.frames))[-1] == (
            len(clip.frames) - 2,
            len(clip.frames) - 1,
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_given_another_corpus_says_so(name, tiny_corpus):
    titles = {
        "bp4d": "BP4D", "ckplus": "CK+", "casme2": "CASME II", "samm": "SAMM", "smic": "SMIC",
        "casme3": "CAS(ME)^3", "casme_squared": "CAS(ME)^2", "dfme": "DFME", "fourdme": "4DME",
        "mmew": "MMEW", "samm_long": "SAMM Long Videos",
    }  # fmt: skip
    for other in CORPORA.keys() - {name}:
        says = f"this looks like {titles[name]}; use --corpus {name}, not {other}"
        with pytest.raises(InputError, match=re.escape(says)):
            read_corpus(other, tiny_corpus(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_given_any_folder_says_what_it_needs(name, clips_folder):
    with pytest.raises(InputError, match=r"docs/corpora\.md"):
        read_corpus(name, clips_folder)


def test_casme2(tiny_corpus, plan, issues_of):
    reading = read_corpus("casme2", tiny_corpus("casme2"))
    acts = plan("casme2")[: len(reading.clips)]
    for clip, act in zip(reading.clips, acts, strict=True):
        assert clip.name.startswith("sub01-EP")
        assert (clip.emotion, clip.onset, clip.offset) == (act.emotion, 3, act.offset - act.first)
        apex = act.apex - act.first
        if act.number == 3:  # `/` in the sheet
            apex = (3 + act.offset - act.first) // 2
            assert issues_of(reading, clip.name)[0][1].startswith("no apex in the sheet; using the midpoint")
        assert clip.apex == apex
    assert len(reading.issues) == 1


def test_samm(tiny_corpus, plan, issues_of):
    reading = read_corpus("samm", tiny_corpus("samm"))
    acts = {f"006_{1 + act.number % 7}_{1 + act.number // 7}": act for act in plan("samm")}
    for clip in reading.clips:
        act = acts[clip.name]
        apex, offset = act.apex - act.first, act.offset - act.first
        if act.number == 2:  # the sheet says 40 behind the last frame
            apex = (4 + offset) // 2
            assert f"apex {act.last + 40} is outside the clip" in issues_of(reading, clip.name)[0][1]
        if act.number == 4:  # the sheet says 5 before the apex
            assert f"offset {act.apex - 5} is before apex {act.apex}" in issues_of(reading, clip.name)[0][1]
            offset = None
        assert (clip.onset, clip.apex, clip.offset) == (4, apex, offset)
        assert clip.emotion == act.emotion.replace("others", "other")
        assert clip.action_units
    assert len(reading.clips) == 5
    assert len(reading.issues) == 2


def test_smic(tiny_corpus, plan):
    reading = read_corpus("smic", tiny_corpus("smic"))
    acts = {act.first: act for act in plan("smic")}
    for clip in reading.clips:
        act = acts[clip.numbers[0]]
        onset, offset = act.onset - act.first, act.offset - act.first
        assert (clip.onset, clip.apex, clip.offset) == (onset, (onset + offset) // 2, offset)
        assert (
            clip.emotion == {"ne": "negative", "po": "positive", "sur": "surprise"}[clip.name.split("_")[1]]
        )
        assert clip.subject == "s01"
    assert len(reading.clips) == 3
    # Three midpoints, and two lines of text below the table.
    assert sorted(issue.kind for issue in reading.issues) == ["repaired"] * 3 + ["skipped"] * 2


def test_ckplus(tiny_corpus, plan):
    reading = read_corpus("ckplus", tiny_corpus("ckplus"))
    acts = plan("ckplus")
    for clip, act in zip(reading.clips, acts, strict=True):
        assert len(clip.frames) == act.last
        assert (clip.onset, clip.apex, clip.offset) == (0, act.last - 1, None)
        assert clip.emotion == {"others": None, "happiness": "happy"}.get(act.emotion, act.emotion)
        points = clip.landmarks()
        assert len(points) == act.last
        first = (
            clip.path.parents[2]
            / "Landmarks"
            / "S005"
            / clip.path.name
            / f"{clip.frames[0].stem}_landmarks.txt"
        )
        np.testing.assert_array_equal(points[0], np.loadtxt(first, dtype=np.float32))
    without = {clip.name for clip in reading.clips if clip.emotion is None}
    assert {issue.clip for issue in reading.issues} == without
    assert without


def test_bp4d(tiny_corpus, issues_of):
    reading = read_corpus("bp4d", tiny_corpus("bp4d"))
    smile, sad = reading.clips
    assert (smile.name, smile.numbers) == ("F001_T1", tuple(range(1, 37)))
    assert smile.apex is None
    assert 12 in [unit.number for unit in smile.action_units]  # T1 makes people smile
    assert {1, 15, 17} & {unit.number for unit in sad.action_units}
    for clip in reading.clips:
        points = clip.landmarks()
        lost = sum(point is None for point in points)
        assert len(points) == 36
        assert ("repaired", f"{lost} of 36 frames have no landmarks") in issues_of(
            reading, clip.name
        ) or not lost
        assert {point.shape for point in points if point is not None} == {(49, 2)}
        assert any("codes are 9 (unknown)" in reason for _, reason in issues_of(reading, clip.name))
    (padding,) = issues_of(reading, "Sequences(2D+3D)")
    assert "1 with 3, 1 with 4 digits" in padding[1]


def test_mmew(tiny_corpus, plan, issues_of):
    reading = read_corpus("mmew", tiny_corpus("mmew"))
    acts = {mmew_writer.clip_name(act): act for act in plan("mmew")}
    assert [clip.name for clip in reading.clips] == sorted(acts)
    for clip in reading.clips:
        act = acts[clip.name]
        assert (clip.subject, clip.emotion, clip.rate) == ("S01", act.emotion, 90)
        assert [clip.numbers[k] for k in (clip.onset, clip.apex, clip.offset)] == [
            act.onset, act.apex, act.offset,
        ]  # fmt: skip
    (moved,) = [act for act in plan("mmew") if mmew_writer.emotion_folder(act) != act.emotion]
    (issue,) = reading.issues
    assert issue.clip == mmew_writer.clip_name(moved)
    assert issue.reason == f"lies in the folder others, the sheet says {moved.emotion}; using the sheet"


def test_dfme(tiny_corpus, plan):
    reading = read_corpus("dfme", tiny_corpus("dfme"))
    acts = {dfme_writer.clip_name(act): act for act in plan("dfme")}
    assert [clip.name for clip in reading.clips] == sorted(acts)
    for clip in reading.clips:
        act = acts[clip.name]
        assert (clip.subject, clip.emotion, clip.rate) == ("sub0001", act.emotion, 500)
        assert (clip.numbers[0], clip.frames[0].name) == (0, "00000.png")
        assert (clip.onset, clip.apex, clip.offset) == (act.onset, act.apex, act.offset)
    assert reading.issues == []
    assert reading.release == "training_full_with_AU.xlsx, testA_full_with_AU.xlsx, testB_full_with_AU.xlsx"


def test_4dme(tiny_corpus, plan):
    reading = read_corpus("fourdme", tiny_corpus("fourdme"))
    acts = {"-".join(fourdme_writer.clip_place(act)): act for act in plan("fourdme")}
    assert {clip.name for clip in reading.clips} == set(acts)
    for clip in reading.clips:
        act = acts[clip.name]
        # The first frame of a folder is the onset, whatever number the sheet has for it.
        assert (clip.onset, clip.apex, clip.offset) == (0, act.apex - 1, act.offset - 1)
        assert clip.numbers[0] == fourdme_writer.counted_from(act)
        assert next(unit.uncertain for unit in clip.action_units) == (act.number % 3 == 2)
    assert reading.issues == []


def intervals(videos):
    """(onset, apex, offset, kind) of all expressions, as frame indices; frame 1 is index 0."""
    return [
        [(a.onset - 1, a.apex - 1, a.offset - 1, kind) for a, kind in zip(v.acts, v.kinds, strict=True)]
        for v in videos
    ]


def found(reading):
    return [[(e.onset, e.apex, e.offset, e.kind) for e in video.expressions] for video in reading.videos]


def test_casme_squared(tiny_corpus, plan, issues_of):
    reading = read_corpus("casme_squared", tiny_corpus("casme_squared"))
    videos = plan("casme_squared")
    expected = intervals(videos)
    without = [
        act
        for video in videos
        for act, kind in zip(video.acts, video.kinds, strict=True)
        if casme_squared_writer.has_no_offset(act, kind)
    ]
    assert without
    for video, of_video in zip(videos, expected, strict=True):
        for k, act in enumerate(video.acts):
            if act in without:  # the interval ends at the apex
                of_video[k] = (*of_video[k][:2], act.apex - 1, of_video[k][3])
    assert found(reading) == expected
    assert [video.name for video in reading.videos] == ["15_0101disgustingteeth", "15_0401girlcrashing"]
    assert [len(video.frames) for video in reading.videos] == [video.last for video in videos]
    for act in without:
        (clip,) = [clip for clip in reading.clips if clip.name.endswith(f"-{act.onset}")]
        assert clip.offset is None
        ((_, reason),) = issues_of(reading, clip.name)
        assert "offset 0 in the sheet" in reason
    assert {issue.clip for issue in reading.issues} == {
        clip.name for clip in reading.clips if clip.offset is None
    }


def test_samm_long_videos(tiny_corpus, plan, issues_of):
    reading = read_corpus("samm_long", tiny_corpus("samm_long"))
    videos = plan("samm_long")
    expected = intervals(videos)
    for video, of_video in zip(videos, expected, strict=True):
        for k, act in enumerate(video.acts):
            if samm_long_writer.has_no_apex(act):
                middle = (act.onset + act.offset) // 2 - act.onset + act.onset - 1
                of_video[k] = (act.onset - 1, middle, *of_video[k][2:])
    assert [[(a, c, d) for a, _, c, d in of] for of in found(reading)] == [
        [(a, c, d) for a, _, c, d in of] for of in expected
    ]
    assert {clip.subject for clip in reading.clips} == {"006"}
    for video in videos:
        for k, (act, kind) in enumerate(zip(video.acts, video.kinds, strict=True)):
            name = f"{samm_long_writer.video_name(video)}_{k + 1}"
            (clip,) = [clip for clip in reading.clips if clip.name == name]
            reasons = " | ".join(reason for _, reason in issues_of(reading, name))
            assert ("apex -1 is outside the clip" in reasons) == samm_long_writer.has_no_apex(act)
            shifted = kind == "micro" and samm_long_writer.micro_offset(act)
            assert (f"by {-samm_long_writer.micro_offset(act):+d}" in reasons) == bool(shifted)
            emotion = act.emotion.replace("others", "other") if kind == "micro" else None
            assert clip.emotion == emotion


def test_casme3(tiny_corpus, plan, issues_of):
    reading = read_corpus("casme3", tiny_corpus("casme3"))
    videos = plan("casme3")
    expected = intervals(videos)
    early = [act for video in videos for act in video.acts if casme3_writer.apex_in_sheet(act) < act.onset]
    assert len(early) == 1
    assert [[(a, c, d) for a, _, c, d in of] for of in found(reading)] == [
        [(a, c, d) for a, _, c, d in of] for of in expected
    ]
    (video,) = [video for video in videos if early[0] in video.acts]
    name = "-".join([*casme3_writer.place(video), str(early[0].onset)])
    (clip,) = [clip for clip in reading.clips if clip.name == name]
    assert f"apex {early[0].onset - 979} is outside the clip" in issues_of(reading, clip.name)[0][1]
    assert {clip.emotion for clip in reading.clips} <= set(casme3.EMOTIONS)  # "Others" is "others"
    assert all("depth" not in str(video.path) for video in reading.videos)
    assert len(reading.issues) == 1
