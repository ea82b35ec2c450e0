"""Rendered corpora, read back by the published facts about the layout of the real ones."""

import csv
import re

import cv2
import numpy as np
import openpyxl
import pytest

from pipelines.datasets.corpora import read_corpus
from pipelines.errors import InputError
from pipelines.synthetic.rendered_corpora import (
    CODED,
    bp4d_writer,
    casme2_writer,
    ckplus_writer,
    clip_plan,
    dfme_writer,
    fourdme_writer,
    mmew_writer,
    render_corpus,
    samm_writer,
    smic_writer,
)


def rows_of(path, sheet):
    return list(openpyxl.load_workbook(path)[sheet].values)


def test_casme2(tiny_corpus):
    folder = tiny_corpus("casme2")
    header, *rows = rows_of(folder / "CASME2-coding-20140508.xlsx", "Sheet1")
    assert [name for name in header if name] == [
        "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
    ]  # fmt: skip
    assert len(rows) == 4
    assert sum(row[4] == "/" for row in rows) == 1
    for subject, clip, _, onset, apex, offset, _, units, emotion in rows:
        numbers = {int(path.stem[3:]) for path in (folder / "Cropped" / f"sub{subject}" / clip).iterdir()}
        assert {onset, offset} <= numbers
        assert apex == "/" or onset < apex < offset
        assert units
        assert emotion in casme2_writer.COUNTS


def test_samm(tiny_corpus):
    folder = tiny_corpus("samm")
    rows = rows_of(folder / "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY")
    assert rows[13][:4] == ("Subject", "Filename", "Inducement Code", "Onset Frame")
    assert rows[14][6] == "=F15-D15+1"
    subject, clip, *_ = rows[14]
    frames = sorted((folder / subject / clip).iterdir())
    assert re.fullmatch(rf"{subject}_\d{{5}}\.jpg", frames[0].name)
    assert cv2.imread(str(frames[0]), cv2.IMREAD_UNCHANGED).ndim == 2  # grey
    numbers = [int(path.stem.split("_")[1]) for path in frames]
    outside = [row for row in rows[14:] if row[1] == clip and not numbers[0] <= row[4] <= numbers[-1]]
    assert not outside
    assert any(row[5] < row[4] for row in rows[14:])  # the offset before its apex


def test_smic(tiny_corpus):
    folder = tiny_corpus("smic")
    header, *rows = rows_of(folder / "SMIC-HS-E_annotation.xlsx", "HS")
    assert not any("apex" in str(name).lower() for name in header)
    clips = [row for row in rows if row[1]]
    assert len(clips) == 3
    assert rows[-1][0].startswith("MF:")
    for subject, clip, *_ in clips:
        frames = (folder / "SMIC_HS_E" / subject / clip).iterdir()
        assert all(re.fullmatch(r"image\d+\.jpg", path.name) for path in frames)


def test_ckplus(tiny_corpus):
    folder = tiny_corpus("ckplus")
    images = sorted((folder / "cohn-kanade-images").rglob("*.png"))
    landmarks = sorted((folder / "Landmarks").rglob("*.txt"))
    assert [path.stem for path in images] == [path.stem.removesuffix("_landmarks") for path in landmarks]
    assert np.loadtxt(landmarks[0]).shape == (68, 2)
    height, width = cv2.imread(str(images[0])).shape[:2]
    x, y = np.loadtxt(landmarks[0]).T
    assert x.min() > 0
    assert x.max() < width
    assert y.min() > 0
    assert y.max() < height
    sequences = {path.parent.relative_to(folder / "cohn-kanade-images") for path in images}
    assert all((folder / "Emotion" / sequence).is_dir() for sequence in sequences)
    codes = [float(path.read_text()) for path in (folder / "Emotion").rglob("*.txt")]
    assert 0 < len(codes) < len(sequences)
    assert set(codes) <= set(range(1, 8))
    facs = np.loadtxt(next((folder / "FACS").rglob("*.txt")), ndmin=2)
    assert facs.shape[1] == 2


def test_bp4d(tiny_corpus):
    from scipy.io import loadmat

    folder = tiny_corpus("bp4d")
    assert (folder / "Sequences(2D+3D)" / "F001" / "T2" / "0001.jpg").exists()
    assert (folder / "Sequences(2D+3D)" / "F001" / "T1" / "001.jpg").exists()
    with (folder / "AUCoding" / "AU_OCC" / "F001_T1.csv").open() as lines:
        header, *rows = csv.reader(lines)
    assert header[:4] == ["0", "1", "2", "4"]
    assert {value for row in rows for value in row[1:]} <= {"0", "1", "9"}
    intensity = np.loadtxt(folder / "AUCoding" / "AU_INT" / "AU12" / "F001_T1_AU12.csv", delimiter=",")
    assert intensity[0, 0] == 2  # frame f is image f - 1
    assert intensity[:, 1].max() >= 2  # T1 makes people smile
    points = loadmat(folder / "2DFeatures" / "F001_T1.mat")["fit"]["pred"][0]
    assert {point.shape for point in points} <= {(49, 2), (0, 0)}


def test_interrupted_run_goes_on(tmp_path, render_tiny):
    render_tiny("smic", tmp_path, subjects=1)
    clips = sorted((tmp_path / "SMIC_HS_E").glob("*/*"))
    kept = {path: path.stat().st_mtime_ns for clip in clips[1:] for path in clip.iterdir()}
    before = {path.name: path.read_bytes() for path in clips[0].iterdir()}
    for path in clips[0].iterdir():
        path.unlink()
    clips[0].rmdir()
    render_tiny("smic", tmp_path, subjects=1)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert {path.name: path.read_bytes() for path in clips[0].iterdir()} == before


@pytest.mark.parametrize("name", CODED)
def test_coded_frames_are_those_of_whole_clips(name, tmp_path, tiny_corpus, render_tiny):
    render_tiny(name, tmp_path, subjects=1, coded_frames=True)
    whole, coded = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*.[jp][pn]g")}
        for root in (tiny_corpus(name), tmp_path)
    )
    assert coded
    assert coded.items() < whole.items()

    def events(root):
        return [
            (c.subject, c.name, *(k if k is None else c.numbers[k] for k in (c.onset, c.apex, c.offset)))
            for c in read_corpus(name, root).clips
        ]

    assert events(tmp_path) == events(tiny_corpus(name))


def test_class_proportions_are_those_of_the_originals():
    people, _ = clip_plan.cast(casme2_writer.COUNTS, casme2_writer.SUBJECTS, casme2_writer.SUBJECTS, seed=0)
    emotions = [emotion for _, emotion in people]
    assert {name: emotions.count(name) for name in casme2_writer.COUNTS} == casme2_writer.COUNTS
    assert {subject for subject, _ in people} == set(range(casme2_writer.SUBJECTS))
    assert clip_plan.shared_out({"a": 88, "b": 32, "c": 25}, 29) == {"a": 18, "b": 6, "c": 5}


def test_clips_keep_to_their_timing():
    timing = clip_plan.Timing(
        (5, 9), lead=(2, 4), rise=(10, 12), fall=(20, 22), trail=(0, 3), peak=(0.5, 2.0)
    )
    acts = clip_plan.plan_clips({"happiness": 300, "others": 100}, timing, subjects=8, full=8, seed=3)
    assert {act.first for act in acts} == set(range(5, 9))
    assert {act.onset - act.first for act in acts} == {2, 3}
    assert {act.last - act.offset for act in acts} == {0, 1, 2}
    assert np.median([act.apex - act.onset for act in acts]) == pytest.approx(10.5, rel=0.25)  # people differ
    assert np.median([act.offset - act.apex for act in acts]) == pytest.approx(20.5, rel=0.25)
    assert all(0.5 <= act.peak <= 2 for act in acts)
    assert np.median([act.peak for act in acts]) == pytest.approx(1, rel=0.1)  # each doubling as likely


@pytest.mark.parametrize(
    ("corpus", "subjects", "clips"),
    [
        (casme2_writer, 26, 255),
        (samm_writer, 29, 159),
        (smic_writer, 16, 164),
        (ckplus_writer, 123, 593),
        (bp4d_writer, 41, 328),
        (dfme_writer, 671, 2629),
        (fourdme_writer, 41, 267),
        (mmew_writer, 30, 300),
    ],
)
@pytest.mark.parametrize("seed", [0, 7])
def test_at_full_size_there_are_as_many_people_and_clips_as_published(corpus, subjects, clips, seed):
    assert subjects == corpus.SUBJECTS  # the default of `render_corpus`
    acts = corpus.plan(subjects, seed)
    assert len(acts) == clips
    assert {act.subject for act in acts} == set(range(subjects))
    if corpus is ckplus_writer:
        assert sum(act.emotion != "others" for act in acts) == 327


def test_other_settings_and_names_are_refused(tmp_path, render_tiny):
    with pytest.raises(InputError, match="unknown corpus"):
        render_corpus("casme4", tmp_path)
    with pytest.raises(InputError, match="26"):
        render_corpus("casme2", tmp_path, subjects=27)
    with pytest.raises(InputError, match="not for smic"):
        render_corpus("smic", tmp_path, subjects=1, coded_frames=True)
    render_tiny("smic", tmp_path, subjects=1)
    with pytest.raises(InputError, match="other settings"):
        render_corpus("smic", tmp_path, subjects=1, seed=1)
