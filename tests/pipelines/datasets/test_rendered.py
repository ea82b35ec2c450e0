"""Readers on rendered corpora, against the plans that the corpora were rendered from."""

import pickle
import re

import numpy as np
import pytest

from pipelines.datasets.corpora import CORPORA, find_clips, read_corpus
from pipelines.datasets.frame_pairs import frame_pairs
from pipelines.errors import InputError
from pipelines.io.video import frame_files
from pipelines.synthetic import rendered_corpora as rendered

NAMES = ("bp4d", "ckplus", "casme2", "samm", "smic")


def plan(name):
    """The acts of a tiny corpus: who shows what in which frames."""
    planned = rendered.CORPORA[name].plan(1, list(rendered.CORPORA).index(name))
    return planned[0] if isinstance(planned, tuple) else planned


@pytest.mark.parametrize("name", NAMES)
def test_all_that_was_rendered_is_found(name, tiny_corpus):
    folder = tiny_corpus(name)
    clips = find_clips(name, folder)
    pictures = [path for suffix in ("jpg", "png") for path in folder.rglob(f"*.{suffix}")]
    assert sorted(frame for clip in clips for frame in clip.frames) == sorted(pictures)
    assert len({clip.name for clip in clips}) == len(clips)
    assert len({clip.subject for clip in clips}) == 1
    assert pickle.loads(pickle.dumps(clips)) == clips
    for clip in clips:
        assert list(clip.frames) == frame_files(clip.path)
        assert len(clip.numbers) == len(clip.frames)
        assert frame_pairs("consecutive", clip, len(clip.frames))[-1] == (
            len(clip.frames) - 2,
            len(clip.frames) - 1,
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_given_another_corpus_says_so(name, tiny_corpus):
    titles = {"bp4d": "BP4D", "ckplus": "CK+", "casme2": "CASME II", "samm": "SAMM", "smic": "SMIC"}
    for other in CORPORA.keys() - {name}:
        says = f"this looks like {titles[name]}; use --corpus {name}, not {other}"
        with pytest.raises(InputError, match=re.escape(says)):
            read_corpus(other, tiny_corpus(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_given_any_folder_says_what_it_needs(name, clips_folder):
    with pytest.raises(InputError, match=r"docs/corpora\.md"):
        read_corpus(name, clips_folder)


def test_casme2(tiny_corpus, issues_of):
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


def test_samm(tiny_corpus, issues_of):
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


def test_smic(tiny_corpus):
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


def test_ckplus(tiny_corpus):
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
