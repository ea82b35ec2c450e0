"""The report of an evaluation of expressions: scores by corpus and class, and confusion matrices."""

from pathlib import Path

import cv2
import numpy as np

from keras_models.evaluation.evaluate_expression import ExpressionEvaluation
from pipelines.datasets.composite import CLASSES
from pipelines.visualization.report import Figure, Section, Table, write_report

_CELL, _LABEL = 96, 110  # pixels
_DARK = (30, 60, 110)  # RGB of a cell that holds all samples of its row


def score_table(evaluations: dict[str, ExpressionEvaluation]) -> Table:
    """Return the table of scores, with a row for each flow method and part."""
    columns = ["flow", "samples of", "UF1", "95 % interval", "std", "UAR", "precision", "accuracy"]
    rows = []
    for method, evaluation in evaluations.items():
        for part in evaluation.parts:
            mean = evaluation.mean(part)
            interval = f"{mean['uf1_low']:.3f}-{mean['uf1_high']:.3f}"
            values = [f"{mean[name]:.3f}" for name in ("uf1_std", "uar", "precision", "accuracy")]
            rows.append([method, part, f"{mean['uf1']:.3f}", interval, *values])
    one = next(iter(evaluations.values()))
    caption = (
        f"{one.config.network}, {one.split}, mean of {len(one.predicted)} seed(s); confusion counts pooled "
        "over the folds. UF1: unweighted mean F1; interval: bootstrap over subjects; std: standard deviation "
        "of UF1 over the seeds; UAR: unweighted mean recall; precision: unweighted mean precision."
    )
    return Table(columns, rows, caption)


def class_table(evaluations: dict[str, ExpressionEvaluation]) -> Table:
    """Return F1 and recall of each class."""
    rows = []
    for method, evaluation in evaluations.items():
        for part, values in evaluation.to_json()["parts"].items():
            for name, row in values["classes"].items():
                figures = ["-" if np.isnan(row[key]) else f"{row[key]:.3f}" for key in ("f1", "recall")]
                rows.append([method, part, name, str(row["samples"]), *figures])
    return Table(["flow", "samples of", "class", "samples", "F1", "recall"], rows, "Scores by class.")


def confusion_picture(counts: np.ndarray) -> np.ndarray:
    """Draw a confusion matrix: rows are true classes, columns predicted ones, dark is a large share.

    Args:
        counts: [C, C], counts or means of counts.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    size = len(counts) * _CELL
    image = np.full((size + _LABEL // 2, size + _LABEL, 3), 255, np.uint8)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row in range(len(counts)):
        for column in range(len(counts)):
            y, x, share = row * _CELL, _LABEL + column * _CELL, shares[row, column]
            colour = 255 + share * (np.array(_DARK) - 255)
            image[y : y + _CELL - 2, x : x + _CELL - 2] = colour.astype(np.uint8)
            ink = (255, 255, 255) if share > 0.5 else (0, 0, 0)
            _write(image, f"{counts[row, column]:.4g}", (x + 10, y + 42), ink, 0.7)
            _write(image, f"{share:.0%}", (x + 10, y + 72), ink, 0.5)
    for k, name in enumerate(CLASSES):
        _write(image, name, (4, k * _CELL + _CELL // 2), (0, 0, 0), 0.55)
        _write(image, name, (_LABEL + k * _CELL + 4, size + 24), (0, 0, 0), 0.55)
    return image


def write_expression_report(path: Path | str, evaluations: dict[str, ExpressionEvaluation]) -> None:
    """Write the page of `faceflow evaluate expression --report`.

    Args:
        path: Path of the HTML file.
        evaluations: Evaluations of the same samples, by flow method.
    """
    best = max(evaluations, key=lambda name: evaluations[name].mean(_whole(evaluations[name]))["uf1"])
    mean = evaluations[best].mean(_whole(evaluations[best]))
    summary = (
        f"Subject-independent, the classifier on flow of {best} reaches a UF1 of {mean['uf1']:.3f} "
        f"(95 % interval {mean['uf1_low']:.3f} to {mean['uf1_high']:.3f})."
    )
    figures = [
        Figure(
            confusion_picture(evaluation.counts(part).mean(axis=0)),
            f"{method}, {part}: rows are true classes, columns predicted ones; mean over the seeds.",
        )
        for method, evaluation in evaluations.items()
        for part in evaluation.parts
    ]
    notes = [
        [method, line] for method, evaluation in evaluations.items() for line in evaluation.to_json()["notes"]
    ]
    sections = [
        Section("Scores", tables=[score_table(evaluations), class_table(evaluations)]),
        Section("Confusion matrices", figures=figures),
    ]
    if notes:
        sections.append(
            Section(
                "Notes",
                tables=[
                    Table(
                        ["flow", "note"],
                        notes,
                        "Repaired and skipped samples; peculiarities of folds.",
                    )
                ],
            )
        )
    write_report(path, "Micro-expression recognition, subject-independent", summary, sections)


def _whole(evaluation: ExpressionEvaluation) -> str:
    return list(evaluation.parts)[-1]


def _write(
    image: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int], size: float
) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
