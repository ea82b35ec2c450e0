"""The protocol on made-up signals: whoever is tested has no say in the thresholds."""

from pathlib import Path

import numpy as np
import pytest

from keras_models.evaluation.spotting.evaluate_spotting import (
    SpottingThresholds,
    apply_thresholds,
    evaluate_spotting,
    found_micro_expressions,
)
from keras_models.evaluation.spotting.spotting_report import spotting_table, timeline, write_spotting_report
from keras_models.evaluation.spotting.spotting_scores import Spotted
from pipelines.clip_analysis.interval_candidates import find_candidates
from pipelines.datasets.folder_tree import FrameFiles
from pipelines.datasets.long_video import Expression, LongVideo
from pipelines.errors import InputError


def video(subject, name="v1", rate=30.0, length=400):
    events = [("micro", 40, 45, 52), ("macro", 100, 120, 160), ("micro", 250, 255, 262)]
    expressions = tuple(Expression(f"{name}-{a}", kind, a, b, c, "negative") for kind, a, b, c in events)
    files = FrameFiles(Path(name), tuple(f"{k}.jpg" for k in range(length)))
    return LongVideo(subject, name, Path(name), files, rate, expressions)


def candidates_of(one, size=1.0, noise=0.01):
    events = [(e.onset, e.apex, e.offset, size * (4 if e.kind == "macro" else 1)) for e in one.expressions]
    rng = np.random.default_rng(len(one.name))
    signal = rng.normal(0, noise, (400, 12))
    for onset, apex, offset, amount in events:
        t = np.interp(np.arange(400), [onset, apex, offset], [0, 1, 0], left=0, right=0)
        way = rng.normal(size=12)
        signal += np.outer(t * t * (3 - 2 * t), amount * way / np.linalg.norm(way) * np.sqrt(6))
    found = find_candidates(signal.astype(np.float32), one.rate)
    return [Spotted("micro", each.first, each.apex, each.last, each.score) for each in found]


VIDEOS = {"casme_squared": [video(f"s{k}", f"v{k}") for k in range(3)]}


def test_plain_expressions_are_all_found():
    evaluation, skipped = evaluate_spotting("flow", VIDEOS, candidates_of)
    assert skipped == []
    assert {kind: counts.f1 for kind, counts in evaluation.counts().items()} == {
        "macro": 1, "micro": 1, "overall": 1,
    }  # fmt: skip
    assert len(found_micro_expressions(evaluation)) == 6
    assert evaluation.strs is None


def test_who_is_tested_has_no_say_in_the_thresholds():
    def other(one):
        return candidates_of(one, size=0.002 if one.subject == "s0" else 1.0)

    plain, _ = evaluate_spotting("flow", VIDEOS, candidates_of)
    odd, _ = evaluate_spotting("flow", VIDEOS, other)
    assert plain.results[0].thresholds == odd.results[0].thresholds
    assert odd.counts()["micro"].hits < plain.counts()["micro"].hits


def test_duration_tells_the_kinds_apart():
    at = SpottingThresholds(micro_seconds=0.5, macro=2.0, micro=1.0)
    candidates = [
        Spotted("micro", 0, 5, 15, 1.5), Spotted("micro", 20, 25, 36, 1.5), Spotted("micro", 50, 60, 90, 2.5),
        Spotted("micro", 100, 102, 105, 0.5),
    ]  # fmt: skip
    assert [(one.kind, one.first) for one in apply_thresholds(candidates, 30.0, at)] == [
        ("micro", 0),
        ("macro", 50),
    ]
    # At 60 frames per second the second one is short enough.
    assert [(one.kind, one.first) for one in apply_thresholds(candidates, 60.0, at)] == [
        ("micro", 0), ("micro", 20), ("macro", 50),
    ]  # fmt: skip


def test_videos_that_cannot_be_read_are_named():
    def fails(one):
        if one.name == "v1":
            raise InputError("no face found in the video")
        return candidates_of(one)

    evaluation, skipped = evaluate_spotting("flow", VIDEOS, fails)
    assert skipped == ["casme_squared: v1: no face found in the video"]
    assert len(evaluation.results) == 2
    with pytest.raises(InputError, match="too few"):
        evaluate_spotting("flow", {"casme_squared": VIDEOS["casme_squared"][:1]}, candidates_of)

    def fails_always(one):
        raise InputError("img7.jpg is not a picture")

    with pytest.raises(InputError, match=r"0 subject.* too few .*: v1: img7.jpg is not a picture"):
        evaluate_spotting("flow", VIDEOS, fails_always)


def test_the_report_has_a_timeline_of_each_video(tmp_path):
    evaluation, _ = evaluate_spotting("flow", VIDEOS, candidates_of)
    rows = spotting_table([evaluation]).rows
    assert rows[1][:6] == ["flow", "casme_squared", "micro", "6", "6", "6"]
    picture = timeline(evaluation.results[0])
    row = picture[9]  # of the coded macro-expression, frames 100 to 160 of 399 over 900 pixels from 120 on
    coloured = np.flatnonzero((row != 255).any(axis=-1) & (np.arange(len(row)) >= 118))
    assert abs(coloured.min() - (120 + 100 / 399 * 900)) <= 1
    assert abs(coloured.max() - (120 + 160 / 399 * 900)) <= 1
    write_spotting_report(tmp_path / "report.html", [evaluation], ["casme_squared: v9: no face"])
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png") >= 3
    assert "casme_squared: v9: no face" in page
