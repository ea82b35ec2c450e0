"""Rendered corpora, read back by the published facts about the layout of the real ones."""

import csv
import re

import cv2
import numpy as np
import openpyxl
import pytest

from pipelines.errors import InputError
from pipelines.faces.corpora import bp4d, casme2, ckplus, recording, render_corpus, samm, smic


@pytest.fixture(autouse=True)
def small_and_short(monkeypatch):
    """A few clips at a sixteenth of the area: the layout is what is tested."""
    for module in (casme2, samm, smic, ckplus, bp4d):
        for name in ("STUDIO", "COLOUR_STUDIO"):
            if hasattr(module, name):
                studio = getattr(module, name)
                small = recording.Studio(
                    (studio.shape[0] // 4, studio.shape[1] // 4), studio.rate, studio.grey
                )
                monkeypatch.setattr(module, name, small)
    monkeypatch.setattr(bp4d, "_FRAMES", 36)
    monkeypatch.setattr(bp4d, "TASKS", bp4d.TASKS[:2])
    for module, keep in ((casme2, 4), (samm, 5), (smic, 3)):
        plan = module.plan

        def shorter(subjects, seed, plan=plan, keep=keep):
            planned = plan(subjects, seed)
            return (planned[0][:keep], planned[1][:keep]) if isinstance(planned, tuple) else planned[:keep]

        monkeypatch.setattr(module, "plan", shorter)


def rows_of(path, sheet):
    return list(openpyxl.load_workbook(path)[sheet].values)


def test_casme2(tmp_path):
    render_corpus("casme2", tmp_path, subjects=1, workers=1)
    header, *rows = rows_of(tmp_path / "CASME2-coding-20140508.xlsx", "Sheet1")
    assert [name for name in header if name] == [
        "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
    ]  # fmt: skip
    assert len(rows) == 4
    assert sum(row[4] == "/" for row in rows) == 1
    for subject, clip, _, onset, apex, offset, _, units, emotion in rows:
        numbers = {int(path.stem[3:]) for path in (tmp_path / "Cropped" / f"sub{subject}" / clip).iterdir()}
        assert {onset, offset} <= numbers
        assert apex == "/" or onset < apex < offset
        assert units
        assert emotion in casme2.COUNTS


def test_samm(tmp_path):
    render_corpus("samm", tmp_path, subjects=1, workers=1)
    rows = rows_of(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY")
    assert rows[13][:4] == ("Subject", "Filename", "Inducement Code", "Onset Frame")
    assert rows[14][6] == "=F15-D15+1"
    subject, clip, *_ = rows[14]
    frames = sorted((tmp_path / subject / clip).iterdir())
    assert re.fullmatch(rf"{subject}_\d{{5}}\.jpg", frames[0].name)
    image = cv2.imread(str(frames[0])).astype(int)
    assert np.abs(image - image[..., :1]).max() <= 2  # grey
    numbers = [int(path.stem.split("_")[1]) for path in frames]
    outside = [row for row in rows[14:] if row[1] == clip and not numbers[0] <= row[4] <= numbers[-1]]
    assert not outside
    assert any(row[5] < row[4] for row in rows[14:])  # the offset before its apex


def test_smic(tmp_path):
    render_corpus("smic", tmp_path, subjects=1, workers=1)
    header, *rows = rows_of(tmp_path / "SMIC-HS-E_annotation.xlsx", "HS")
    assert not any("apex" in str(name).lower() for name in header)
    clips = [row for row in rows if row[1]]
    assert len(clips) == 3
    assert rows[-1][0].startswith("MF:")
    for subject, clip, *_ in clips:
        folder = tmp_path / "SMIC_HS_E" / subject / clip
        assert all(re.fullmatch(r"image\d+\.jpg", path.name) for path in folder.iterdir())


def test_ckplus(tmp_path):
    render_corpus("ckplus", tmp_path, subjects=1, workers=1)
    images = sorted((tmp_path / "cohn-kanade-images").rglob("*.png"))
    landmarks = sorted((tmp_path / "Landmarks").rglob("*.txt"))
    assert [path.stem for path in images] == [path.stem.removesuffix("_landmarks") for path in landmarks]
    assert np.loadtxt(landmarks[0]).shape == (68, 2)
    height, width = cv2.imread(str(images[0])).shape[:2]
    x, y = np.loadtxt(landmarks[0]).T
    assert x.min() > 0
    assert x.max() < width
    assert y.min() > 0
    assert y.max() < height
    sequences = {path.parent.relative_to(tmp_path / "cohn-kanade-images") for path in images}
    assert all((tmp_path / "Emotion" / sequence).is_dir() for sequence in sequences)
    codes = [float(path.read_text()) for path in (tmp_path / "Emotion").rglob("*.txt")]
    assert 0 < len(codes) < len(sequences)
    assert set(codes) <= set(range(1, 8))
    facs = np.loadtxt(next((tmp_path / "FACS").rglob("*.txt")), ndmin=2)
    assert facs.shape[1] == 2


def test_bp4d(tmp_path):
    from scipy.io import loadmat

    render_corpus("bp4d", tmp_path, subjects=1, workers=1)
    assert (tmp_path / "Sequences(2D+3D)" / "F001" / "T2" / "0001.jpg").exists()
    assert (tmp_path / "Sequences(2D+3D)" / "F001" / "T1" / "001.jpg").exists()
    with (tmp_path / "AUCoding" / "AU_OCC" / "F001_T1.csv").open() as lines:
        header, *rows = csv.reader(lines)
    assert header[:4] == ["0", "1", "2", "4"]
    assert {value for row in rows for value in row[1:]} <= {"0", "1", "9"}
    intensity = np.loadtxt(tmp_path / "AUCoding" / "AU_INT" / "AU12" / "F001_T1_AU12.csv", delimiter=",")
    assert intensity[0, 0] == 2  # frame f is image f - 1
    assert intensity[:, 1].max() >= 2  # T1 makes people smile
    points = loadmat(tmp_path / "2DFeatures" / "F001_T1.mat")["fit"]["pred"][0]
    assert {point.shape for point in points} <= {(49, 2), (0, 0)}


def test_interrupted_run_goes_on(tmp_path):
    render_corpus("smic", tmp_path, subjects=1, workers=1)
    clips = sorted((tmp_path / "SMIC_HS_E").glob("*/*"))
    kept = {path: path.stat().st_mtime_ns for clip in clips[1:] for path in clip.iterdir()}
    before = {path.name: path.read_bytes() for path in clips[0].iterdir()}
    for path in clips[0].iterdir():
        path.unlink()
    clips[0].rmdir()
    render_corpus("smic", tmp_path, subjects=1, workers=1)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert {path.name: path.read_bytes() for path in clips[0].iterdir()} == before


def test_class_proportions_are_those_of_the_originals():
    people, _ = recording.cast(casme2.COUNTS, casme2.SUBJECTS, casme2.SUBJECTS, seed=0)
    emotions = [emotion for _, emotion in people]
    assert {name: emotions.count(name) for name in casme2.COUNTS} == casme2.COUNTS
    assert {subject for subject, _ in people} == set(range(casme2.SUBJECTS))
    assert recording.shared_out({"a": 88, "b": 32, "c": 25}, 29) == {"a": 18, "b": 6, "c": 5}


def test_other_settings_and_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown corpus"):
        render_corpus("casme3", tmp_path)
    with pytest.raises(InputError, match="26"):
        render_corpus("casme2", tmp_path, subjects=27)
    render_corpus("smic", tmp_path, subjects=1, workers=1)
    with pytest.raises(InputError, match="other settings"):
        render_corpus("smic", tmp_path, subjects=1, seed=1)
