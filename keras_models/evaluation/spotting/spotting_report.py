"""The report of spotting: scores by corpus and kind, and the timeline of each video."""

from pathlib import Path

import cv2
import numpy as np

from keras_models.evaluation.spotting.evaluate_spotting import SpottingEvaluation, VideoResult
from keras_models.evaluation.spotting.spotting_scores import match
from pipelines.datasets.long_video import KINDS
from pipelines.visualization.report import Figure, Section, Table, write_report

_WIDTH, _ROW, _LEFT = 900, 18, 120  # pixels
_CODED = {"macro": (70, 110, 180), "micro": (200, 90, 30)}
_HIT, _MISS = (40, 140, 60), (170, 170, 170)


def spotting_table(evaluations: list[SpottingEvaluation]) -> Table:
    """Return the main table: a row for each method, corpus and kind."""
    columns = ["method", "videos of", "kind", "coded", "spotted", "hits", "precision", "recall", "F1"]
    rows = []
    for one in evaluations:
        names = list(dict.fromkeys(result.corpus for result in one.results))
        for part in [*names, None] if len(names) > 1 else names:
            for kind, counts in one.counts(part).items():
                shares = [f"{value:.3f}" for value in (counts.precision, counts.recall, counts.f1)]
                numbers = [str(counts.true), str(counts.found), str(counts.hits)]
                rows.append([one.method, part or "all", kind, *numbers, *shares])
    caption = (
        "Hits have an intersection over union of at least 0.5; counts are added over all videos. "
        "Thresholds are learned with one subject left out."
    )
    return Table(columns, rows, caption)


def strs_table(evaluations: list[SpottingEvaluation]) -> Table:
    """Return spotting times recognition of the methods whose micro-expressions were classified."""
    rows = [
        [one.method, str(len(one.labels)), f"{one.counts()['micro'].f1:.3f}", f"{one.recognition:.3f}",
         f"{one.strs:.3f}"]
        for one in evaluations
        if one.labels is not None
    ]  # fmt: skip
    columns = ["method", "classified", "micro F1", "recognition UF1", "STRS"]
    caption = "Recognition is scored on the micro-expressions that were found and have a class."
    return Table(columns, rows, caption)


def timeline(result: VideoResult) -> np.ndarray:
    """Draw coded and spotted intervals of a video, a row for each kind: uint8 [H, W, 3], RGB."""
    image = np.full((_ROW * 2 * len(KINDS) + 22, _LEFT + _WIDTH + 8, 3), 255, np.uint8)
    last = max(len(result.video.frames) - 1, 1)
    hits = {i for i, _ in match(result.spotted, result.video.expressions)}

    def bar(row: int, interval: tuple[int, int], colour: tuple[int, int, int]) -> None:
        left, right = (_LEFT + round(frame / last * _WIDTH) for frame in interval)
        top = row * _ROW
        cv2.rectangle(image, (left, top + 4), (max(right, left + 2), top + _ROW - 4), colour, -1)

    for k, kind in enumerate(KINDS):
        for name, row in (("coded", 2 * k), ("spotted", 2 * k + 1)):
            at = (4, row * _ROW + _ROW - 5)
            cv2.putText(
                image, f"{kind}, {name}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA
            )
        for expression in result.video.expressions:
            if expression.kind == kind:
                bar(2 * k, expression.interval, _CODED[kind])
        for i, one in enumerate(result.spotted):
            if one.kind == kind:
                bar(2 * k + 1, one.interval, _HIT if i in hits else _MISS)
    seconds = f"0 to {last / result.video.rate:.1f} s"
    at = (_LEFT, image.shape[0] - 7)
    cv2.putText(image, seconds, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (90, 90, 90), 1, cv2.LINE_AA)
    return image


def write_spotting_report(
    path: Path | str, evaluations: list[SpottingEvaluation], skipped: list[str]
) -> None:
    """Write the page that `faceflow evaluate spotting --report` promises.

    Args:
        path: path of the HTML file.
        evaluations: evaluations of the same videos, by different methods.
        skipped: messages about videos that were skipped.
    """
    first = evaluations[0]
    counts = first.counts()
    summary = (
        f"On subjects that were left out, {first.method} spots micro-expressions with an F1 of "
        f"{counts['micro'].f1:.3f} and macro-expressions with {counts['macro'].f1:.3f}."
    )
    tables = [spotting_table(evaluations)]
    if any(one.labels is not None for one in evaluations):
        tables.append(strs_table(evaluations))
    figures = [
        Figure(timeline(result), f"{result.corpus}, {result.video.name}, subject {result.video.subject}")
        for result in first.results
    ]
    text = f"By {first.method}. Spotted intervals are green where they are hits, grey where they are not."
    sections = [Section("Results", tables=tables), Section("Timelines", text, figures=figures)]
    if skipped:
        sections.append(Section("Skipped videos", tables=[Table(["video"], [[line] for line in skipped])]))
    write_report(path, "Spotting of macro- and micro-expressions", summary, sections)
