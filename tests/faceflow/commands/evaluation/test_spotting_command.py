"""`faceflow evaluate spotting` from the sheet to the report, on the portrait in the layout of CAS(ME)^2."""

import json
import sys

import numpy as np
import openpyxl
import pytest

from faceflow import cli
from keras_models.evaluation.spotting.evaluate_spotting import (
    SpottingEvaluation,
    SpottingThresholds,
    VideoResult,
)
from keras_models.evaluation.spotting.spot_recognition import with_recognition
from keras_models.evaluation.spotting.spotting_scores import Spotted
from keras_models.inference.expression_classifier import open_classifier
from keras_models.inference.recognition import recognise_pair
from pipelines.datasets.corpora import read_corpus
from pipelines.io.images import write_image

FRAMES, ONSET, APEX, OFFSET = 45, 16, 20, 25


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, expressive):
    """Two subjects, a video of 1.5 seconds each, and a micro-expression of surprise in it."""
    root = tmp_path_factory.mktemp("casme_squared")
    rng = np.random.default_rng(0)
    for subject in ("s15", "s16"):
        for k in range(1, FRAMES + 1):
            strength = np.interp(k, [ONSET, APEX, OFFSET], [0, 1, 0], left=0, right=0)
            frame = expressive("surprise", round(float(strength), 2), int(subject[1:]))
            noisy = np.clip(frame + rng.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8)
            folder = root / "rawpic" / subject / f"{subject[1:]}_0101disgustingteeth"
            write_image(folder / f"img{k}.png", noisy)
    book = openpyxl.Workbook()
    for number in (1, 2):
        row = (number, "disgust1_1", ONSET, APEX, OFFSET, "1+2", "surprise", "micro-expression", "surprise")
        book.active.append(row)
    rules = book.create_sheet("naming rule1")
    rules.append((15, "s15", 1))
    rules.append((16, "s16", 2))
    book.create_sheet("naming rule2").append((101, "disgust1"))
    book.save(root / "code_final.xlsx")
    return root


def call(monkeypatch, cache, *words):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(sys, "argv", ["faceflow", "evaluate", "spotting", *map(str, words)])
    cli.main()


def test_from_the_sheet_to_the_report(corpus, tmp_path, monkeypatch, capsys):
    out = ("--json", tmp_path / "out.json", "--report", tmp_path / "out.html")
    call(monkeypatch, tmp_path / "cache", "--corpus", f"casme_squared={corpus}", *out)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    *methods, baseline = json.loads((tmp_path / "out.json").read_text())
    assert baseline["method"] == "frame_difference"
    for name, found in zip(("analyze", "flow"), methods, strict=True):
        assert [name, "casme_squared", "micro", "2", "2", "2", "1.000", "1.000", "1.000"] in rows
        assert found["parts"]["all"]["micro"]["f1"] == 1
        (spotted,) = found["videos"][0]["spotted"]
        assert abs(spotted["apex"] - (APEX - 1)) <= 2
    assert "15_0101disgustingteeth, subject s15" in (tmp_path / "out.html").read_text()


def test_what_is_found_is_recognised(corpus):
    (video, _) = read_corpus("casme_squared", corpus).videos
    spotted = Spotted("micro", ONSET - 1, APEX - 1, OFFSET - 1, 1.0)
    result = VideoResult("casme_squared", video, (spotted,), SpottingThresholds(0.5, 1.0, 1.0))
    classifier = open_classifier("expression")
    found = with_recognition(SpottingEvaluation("flow", (result,)), classifier)
    pair = recognise_pair(video.frames[ONSET - 1], video.frames[APEX - 1], classifier)
    expected = max(pair.probabilities, key=pair.probabilities.get)
    assert found.labels == (("surprise", expected),)
    assert found.strs == found.counts()["micro"].f1 * (1.0 if expected == "surprise" else 0.0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--method", "magic"), "unknown method 'magic'; use one of: analyze, flow, frame_difference"),
        (("--corpus", "casme2=EXPRESSIVE"), "casme2: not a corpus of long videos"),
    ],
)
def test_bad_input(corpus, tmp_path, monkeypatch, capsys, expressive_corpus, words, says):
    words = [word.replace("EXPRESSIVE", str(expressive_corpus)) for word in words]
    with pytest.raises(SystemExit) as stop:
        call(monkeypatch, tmp_path, "--corpus", f"casme_squared={corpus}", *words)
    assert stop.value.code == 2
    assert says in capsys.readouterr().err
