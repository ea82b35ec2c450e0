"""`faceflow evaluate expression --task` from the sheets to the scores."""

import json
import logging
import re
import sys

import numpy as np
import openpyxl
import pytest

from faceflow import cli
from pipelines.io.images import write_image

#: What the portrait shows -> emotion and Action Units in the sheets.
CODED = {"surprise": ("surprise", "1+2"), "negative": ("disgust", "4+L7"), "positive": ("happiness", "12")}
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17)
EMOTIONS5 = ("disgust", "happiness", "others", "repression", "surprise")
EMOTIONS7 = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
QUICK = ("--method", "dis_medium", "--seeds", 1, "--epochs", 30)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory, expressive):
    """CASME II and SAMM of three subjects each, who show each expression; and clips that tasks leave out."""
    root = tmp_path_factory.mktemp("corpora")
    places = {
        "casme2": ("Cropped/sub{0:02d}/{1}", "CASME2-coding-20140508.xlsx", ("OnsetFrame", "ApexFrame")),
        "samm": ("{0:03d}/{1}", "SAMM_Micro_FACS_Codes_v2.xlsx", ("Onset Frame", "Apex Frame")),
    }
    for corpus, (place, sheet, columns) in places.items():
        book = openpyxl.Workbook()
        book.active.title = "MICRO_ONLY"
        offset = columns[0].replace("Onset", "Offset")
        book.active.append(("Subject", "Filename", *columns, offset, "Action Units", "Estimated Emotion"))
        clips = [(subject, shown, *coded) for subject in (6, 7, 9) for shown, coded in CODED.items()]
        # Neither has units; the second has no emotion of the tasks either.
        clips += [(6, "surprise", "surprise", "?"), (7, "positive", "puzzled", "?")]
        for number, (subject, shown, emotion, units) in enumerate(clips):
            name = f"EP{number:02d}_01" if corpus == "casme2" else f"{subject:03d}_{number}_1"
            for frame, strength in ((1, 0), (2, 1), (3, 0)):
                picture = expressive(shown, strength, 10 * subject + number)
                write_image(root / corpus / place.format(subject, name) / f"img{frame}.png", picture)
            book.active.append((subject, name, 1, 2, 3, units, emotion))
        book.save(root / corpus / sheet)
    return root


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """Evaluate a task; returns the JSON of the method. Features are computed once."""
    folder = tmp_path_factory.mktemp("task")

    def run(task, *words):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
            words = ("--task", task, *QUICK, "--json", folder / "out.json", *words)
            patch.setattr(sys, "argv", ["faceflow", "evaluate", "expression", *map(str, words)])
            cli.main()
        return json.loads((folder / "out.json").read_text())["dis_medium"]

    return run


def of(corpora, *names):
    return [word for name in names for word in ("--corpus", f"{name}={corpora / name}")]


def predictions(found):
    """Coded and predicted labels [N] or [N, units]."""
    coded = np.array([sample["label"] for sample in found["samples"]])
    return coded, np.array([sample["predicted"][0] for sample in found["samples"]])


def f1_score(coded, predicted):
    """2 TP / (2 TP + FP + FN) of bool arrays."""
    hits, misses = (coded & predicted).sum(), (coded ^ predicted).sum()
    return 2 * hits / (2 * hits + misses)


def test_action_units_of_a_corpus_that_was_left_out(corpora, evaluate, capsys, monkeypatch):
    warnings = []
    monkeypatch.setattr(logging.getLogger("tensorflow"), "warning", lambda *words: warnings.append(words))
    found = evaluate("action_units", "--split", "cross-corpus", *of(corpora, "casme2", "samm"))
    out, err = capsys.readouterr()
    coded, predicted = predictions(found)
    shown = [[int(k) for k in re.findall(r"\d+", units)] for _, units in CODED.values()]
    row_of = [[int(unit in units) for unit in UNITS] for units in shown]
    np.testing.assert_array_equal(coded, row_of * 3 * 2)
    assert predicted.shape == coded.shape
    f1 = found["corpora"]["samm"]["f1"]
    for column, unit in enumerate(UNITS):
        if coded[:, column].any():
            expected = f1_score(coded[9:, column] > 0, predicted[9:, column] > 0)
            assert f1[f"AU{unit}"] == pytest.approx(expected)
        else:
            assert not predicted[:, column].any()
            assert f1[f"AU{unit}"] is None  # JSON has no NaN
    assert f1["AU12"] > 0.6  # the corners of the mouth, which nothing else moves here
    assert found["mean_f1"] == pytest.approx(
        np.mean([f1_score(coded[:, k] > 0, predicted[:, k] > 0) for k in range(12) if coded[:, k].any()])
    )
    assert [sample["clip"].split("/")[0] for sample in found["samples"]] == ["casme2"] * 9 + ["samm"] * 9
    assert "skipped: casme2: 2 clip(s) without a label of the task action_units" in err
    absent = "AU10, AU14, AU15, AU17, AU5, AU6, AU9"
    assert (
        f"in some folds all training samples show {absent}, or none does; these folds predict the same" in err
    )
    assert f"{found['mean_f1']:.3f}" in out
    assert not warnings  # of graphs that are traced again for each of the networks


@pytest.mark.parametrize(
    ("task", "names", "classes"),
    [("emotions5", ("casme2",), EMOTIONS5), ("emotions7", ("casme2", "samm"), EMOTIONS7)],
)
def test_emotions_of_subjects_that_were_left_out(corpora, evaluate, task, names, classes, capsys):
    found = evaluate(task, *of(corpora, *names))
    coded, predicted = predictions(found)
    sheet = [emotion for _ in range(3) for emotion, _ in CODED.values()]
    shown = sorted(classes.index(emotion) for emotion, _ in CODED.values())
    for name in names:
        own = np.array([sample["clip"].startswith(name) for sample in found["samples"]])
        # The clip without units has an emotion; the puzzled one is in no class.
        assert sorted(classes[k] for k in coded[own]) == sorted([*sheet, "surprise"])
        expected = [f1_score(coded[own] == k, predicted[own] == k) for k in shown]
        f1 = found["corpora"][name]["f1"]
        np.testing.assert_allclose([f1[classes[k]] for k in shown], expected)
        assert set(f1) == set(classes)
    assert (coded == predicted).mean() > 0.6  # by chance 0.3
    assert f"1 clip(s) without a label of the task {task}" in capsys.readouterr().err


@pytest.mark.slow
def test_rendered_corpora(tmp_path, evaluate):
    """Labels are those of the sheets, read without the readers: units by their digits."""
    coded = {}
    for corpus, subjects in (("casme2", 2), ("samm", 3)):
        words = ["render", "corpus", corpus, "-o", str(tmp_path / corpus), "--subjects", str(subjects)]
        cli.run([*words, "--coded-frames", "--workers", "1"])
        (sheet,) = (tmp_path / corpus).glob("*.xlsx")
        rows = list(openpyxl.load_workbook(sheet).active.iter_rows(values_only=True))
        first = next(k for k, row in enumerate(rows) if row[0] == "Subject")
        for row in rows[first + 1 :]:
            cells = dict(zip(rows[first], row, strict=True))
            name = cells["Filename"] if corpus == "samm" else f"sub{cells['Subject']}-{cells['Filename']}"
            # Letters after a unit are its intensity, before it its side.
            units = {int(digits) for digits in re.findall(r"\d+", str(cells["Action Units"]))}
            coded[f"{corpus}/{name}"] = units, cells["Estimated Emotion"].lower()
    found = evaluate("action_units", "--split", "cross-corpus", *of(tmp_path, "casme2", "samm"))
    expected = {clip: [int(k in units) for k in UNITS] for clip, (units, _) in coded.items() if units}
    assert {sample["clip"]: sample["label"] for sample in found["samples"]} == expected
    labels, predicted = predictions(found)
    for corpus in ("casme2", "samm"):
        own = np.array([sample["clip"].startswith(corpus) for sample in found["samples"]])
        for unit, f1 in found["corpora"][corpus]["f1"].items():
            of_unit = [one[own][:, UNITS.index(int(unit[2:]))] > 0 for one in (labels, predicted)]
            if np.any(of_unit):
                assert f1 == pytest.approx(f1_score(*of_unit))
    for task, names, classes in (
        ("emotions5", ("casme2",), EMOTIONS5),
        ("emotions7", ("casme2", "samm"), EMOTIONS7),
    ):
        found = evaluate(task, *of(tmp_path, *names))
        expected = {
            clip: classes.index(emotion)
            for clip, (_, emotion) in coded.items()
            if clip.startswith(names) and emotion in classes
        }
        assert {sample["clip"]: sample["label"] for sample in found["samples"]} == expected


def test_a_trained_run_answers_with_the_labels_of_its_task(corpora, tmp_path, monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["faceflow", *map(str, words)])
        cli.main()
        return capsys.readouterr()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run, out = tmp_path / "run", tmp_path / "out.json"
    words = ("--task", "action_units", "--method", "dis_medium", "--epochs", 30, "-o", run)
    err = call("train", "expression", *of(corpora, "casme2", "samm"), *words).err
    assert "cannot be learned from these clips: AU5, AU6, AU9, AU10, AU14, AU15, AU17" in err
    clip = corpora / "casme2" / "Cropped" / "sub06" / "EP02_01"  # of happiness, AU 12
    said = call("expression", clip / "img1.png", clip / "img2.png", "--model", run, "--json", out).out
    found = json.loads(out.read_text())
    assert list(found["probabilities"]) == ["AU1", "AU2", "AU4", "AU7", "AU12"]
    assert found["expression"] == "AU12"
    assert "Action Unit" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--task", "emotions6"), "unknown task 'emotions6'; use one of: composite, emotions5"),
        (("--task", "emotions5"), "task 'emotions5' has no labels in samm; its corpora are: casme2"),
        (("--task", "emotions7", "--report", "x.html"), "--report is available for --task composite only"),
    ],
)
def test_bad_input(corpora, tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    command = ["faceflow", "evaluate", "expression", *of(corpora, "samm"), *words, "--json", "x.json"]
    monkeypatch.setattr(sys, "argv", list(map(str, command)))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
