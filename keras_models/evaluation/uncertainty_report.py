"""The report of an evaluation of uncertainty: a table, sparsification curves and calibration."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from keras_models.evaluation.evaluate_uncertainty import UncertaintyEvaluation
from keras_models.evaluation.uncertainty_scores import REMOVED
from pipelines.visualization.report import Figure as ReportFigure
from pipelines.visualization.report import Section, Table, write_report

_LEAST_SHARE = 0.02  # of the pixels, for a bin that is drawn


def uncertainty_table(evaluations: Mapping[str, UncertaintyEvaluation]) -> Table:
    """Return a row for each method, the smallest area first."""
    rows = []
    summaries = {method: one.summary() for method, one in evaluations.items()}
    for method, one in sorted(summaries.items(), key=lambda item: item[1]["ause"]):
        occluded = "" if np.isnan(one["occluded_larger"]) else f"{one['occluded_larger']:.0%}"
        figures = (f"{one[name]:.3f}" for name in ("error", "ause", "surest_half"))
        rows.append([method, *figures, occluded])
    caption = (
        "EPE: mean end-point error in the face, pixels. AUSE: area between the sparsification curve and the "
        "best possible one. Surest half: mean error of the half of the pixels with the least uncertainty, as "
        "a share of the mean error. Occluded: share of pairs in which occluded pixels have more uncertainty."
    )
    return Table(["method", "EPE", "AUSE", "surest half", "occluded"], rows, caption)


def calibration_table(evaluation: UncertaintyEvaluation) -> Table:
    """Return expected and true error in each bin that has pixels."""
    bins = evaluation.calibration
    rows = [
        [f"{expected:.3f}", f"{true:.3f}", f"{true / expected:.2f}", f"{share:.1%}"]
        for expected, true, share in zip(bins.expected, bins.true, bins.share, strict=True)
        if share
    ]
    return Table(
        ["expected, px", "true, px", "ratio", "pixels"], rows, "Expected and true error in ten bins."
    )


def write_uncertainty_report(path: Path | str, evaluations: Mapping[str, UncertaintyEvaluation]) -> None:
    """Write the page of `faceflow evaluate uncertainty --report`."""
    table = uncertainty_table(evaluations)
    best = table.rows[0]
    summary = f"{best[0]} has the smallest area under the sparsification error: {best[2]}."
    sections = [
        Section("Results", tables=[table]),
        Section("Sparsification", figures=[ReportFigure(_sparsification(evaluations), _SPARSIFICATION)]),
        Section(
            "Calibration",
            figures=[ReportFigure(_calibration(evaluations), _CALIBRATION)],
            tables=[
                Table(table.columns, table.rows, f"{method}. {table.caption}")
                for method, table in ((m, calibration_table(one)) for m, one in evaluations.items())
            ],
        ),
    ]
    write_report(path, "Uncertainty of optical flow on faces", summary, sections)


_SPARSIFICATION = (
    "Mean error of the pixels that are left when the most uncertain are removed, as a share of the mean "
    "error; dashed, when those of the largest error are removed. Mean over pairs."
)
_CALIBRATION = (
    f"True against expected error in the bins that hold more than {_LEAST_SHARE:.0%} of the pixels; dotted, "
    "25 % more and less."
)


def _sparsification(evaluations: Mapping[str, UncertaintyEvaluation]) -> np.ndarray:
    def draw(axes):
        for method, one in evaluations.items():
            scores = [score for score in one.scores.values() if score.error > 0]
            if not scores:
                continue
            line = axes.plot(REMOVED, np.mean([s.curve for s in scores], 0), label=method)[0]
            best = np.mean([s.best_curve for s in scores], 0)
            axes.plot(REMOVED, best, "--", color=line.get_color())
        axes.set(
            xlabel="share of the pixels that is removed",
            ylabel="error of the rest / mean error",
            ylim=(0, None),
        )

    return _plot(draw)


def _calibration(evaluations: Mapping[str, UncertaintyEvaluation]) -> np.ndarray:
    def draw(axes):
        for method, one in evaluations.items():
            bins = one.calibration
            counted = bins.share > _LEAST_SHARE
            axes.plot(bins.expected[counted], bins.true[counted], "o-", label=method)
        ends = np.array(axes.get_xlim())
        ends[0] = max(ends[0], 1e-3)
        for factor, style in ((1, "k-"), (1.25, "k:"), (0.75, "k:")):
            axes.plot(ends, factor * ends, style, linewidth=0.7)
        axes.set(xscale="log", yscale="log", xlabel="expected error, px", ylabel="true error, px")

    return _plot(draw)


def _plot(draw: Callable) -> np.ndarray:
    """Return a plot as an image, uint8 [H, W, 3]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = FigureCanvasAgg(figure := Figure((6, 4), dpi=110, layout="constrained"))
    axes = figure.subplots()
    draw(axes)
    axes.grid(alpha=0.3)
    axes.legend()
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
