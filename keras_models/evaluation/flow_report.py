"""The report of a flow evaluation: tables by method, motion and region, and pictures of pairs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_models.evaluation.evaluate_flow import FlowEvaluation
from keras_models.inference.estimators import Estimator
from keras_models.losses.flow_losses import end_point_error
from pipelines.errors import InputError
from pipelines.io.pairs import read_metadata, read_pair
from pipelines.visualization.flow_color import flow_to_color, full_length
from pipelines.visualization.flow_pictures import error_map, with_legend
from pipelines.visualization.report import Comparison, Figure, Section, Table, write_report

_SHOWN_METHODS = 4  # in pictures: the first one given, and the best of the others


def flow_table(evaluation: FlowEvaluation) -> Table:
    """Return the table of errors, with a row for each method, the best first."""
    columns = ["method", "EPE face", "EPE all", "AAE face", "<1 px", "<3 px", "coverage", "ms"]
    rows = []
    for method in evaluation.ranking():
        row = evaluation.summary(method)
        pixels = [f"{row[name]:.3f}" for name in ("epe_face", "epe_all")]
        shares = [f"{row[name]:.1%}" for name in ("within_1px", "within_3px", "coverage")]
        rows.append([method, *pixels, f"{row['aae_face']:.2f}", *shares, f"{row['ms_per_pair']:.1f}"])
    count = len(evaluation.of(evaluation.methods[0]))
    caption = (
        f"{count} pairs of {Path(evaluation.folder).name}. EPE: mean end-point error in pixels; AAE: mean "
        "angular error in degrees, in the face; <n px: share of face pixels with a smaller error; coverage: "
        "share of the face with a valid flow; ms: median time of one pair."
    )
    return Table(columns, rows, caption)


def _breakdown(evaluation: FlowEvaluation, parts: dict[str, dict[str, float]], caption: str) -> list[Table]:
    columns = list(next(iter(parts.values())))
    if not columns:
        return []
    rows = [[method, *(f"{values[name]:.3f}" for name in columns)] for method, values in parts.items()]
    return [Table(["method", *columns], rows, caption)]


def flow_sections(
    evaluation: FlowEvaluation, methods: Mapping[str, Estimator], shown: int = 3, on: str = ""
) -> list[Section]:
    """Return the sections of the report.

    Args:
        evaluation: Evaluation to report on.
        methods: Evaluated estimators, whose flow is drawn; the first one always is.
        shown: Number of pairs that are drawn, from the smallest motion to the largest.
        on: Description of the pairs for the headings.
    """
    ranking = evaluation.ranking()
    motion = {name: evaluation.by_motion(name) for name in ranking}
    region = {name: evaluation.by_region(name) for name in ranking}
    tables = [
        flow_table(evaluation),
        *_breakdown(evaluation, motion, "EPE in the face, pixels, by the pair's mean true motion."),
        *_breakdown(evaluation, region, "EPE by facial region, pixels."),
    ]
    first = next(iter(methods))
    by_motion = sorted(evaluation.of(first), key=lambda error: error.motion)
    picked = [by_motion[int(k)] for k in np.linspace(0, len(by_motion) - 1, min(shown, len(by_motion)))]
    shown_methods = [first, *(name for name in ranking if name != first)][:_SHOWN_METHODS]
    pictured = {name: methods[name] for name in shown_methods}
    figures = [
        Figure(
            _pair_picture(evaluation.folder, error.pair, pictured),
            f"Pair {error.pair}, mean motion {error.motion:.2f} px. Above: frame 1, true flow, then the flow "
            f"of {', '.join(pictured)}. Below: frame 2, the face, and the error of each, white where it "
            "reaches the mean motion.",
        )
        for error in picked
    ]
    comparisons = []
    for error in picked:
        pair = read_pair(evaluation.folder, error.pair)
        caption = f"Pair {error.pair}: frame 1 left of the slider, frame 2 right of it."
        comparisons.append(Comparison(pair.frame1, pair.frame2, caption))
    left_out = "; ".join(f"pair {e.pair}, {e.method}: {e.failure}" for e in evaluation.failures)
    text = f"Without a flow, and not in the means: {left_out}." if left_out else ""
    return [
        Section(f"Accuracy {on}", text, tables),
        Section(f"Pairs {on}", figures=figures, comparisons=comparisons),
    ]


def write_flow_report(path: Path | str, evaluation: FlowEvaluation, methods: Mapping[str, Estimator]) -> None:
    """Write the page of `faceflow evaluate flow --report`."""
    best = flow_table(evaluation).rows[0]
    summary = f"{best[0]} has the least mean end-point error in the face: {best[1]} px."
    if np.isnan(evaluation.summary(evaluation.ranking()[0])["epe_face"]):
        summary = "No method has a flow in a face whose true flow is known."
    write_report(path, "Comparison of flow methods on faces", summary, flow_sections(evaluation, methods))


def _pair_picture(folder: str, name: str, methods: Mapping[str, Estimator]) -> np.ndarray:
    pair = read_pair(folder, name, read_metadata(folder).get(name))
    face = pair.valid if pair.face is None or not (pair.valid & pair.face).any() else pair.valid & pair.face
    length = np.linalg.norm(pair.flow, axis=-1)
    longest = full_length(pair.flow, face)
    worst = max(0.1, float(length[face].mean()) if face.any() else 0)
    above = [pair.frame1, with_legend(flow_to_color(pair.flow, pair.valid, longest), longest)]
    below = [pair.frame2, (pair.frame1 * (0.3 + 0.7 * face[..., None])).astype(np.uint8)]
    for estimate in methods.values():
        try:
            flow, defined = estimate(pair.frame1, pair.frame2)
        except InputError:  # listed as a failure
            flow, defined = np.zeros_like(pair.flow), np.zeros_like(pair.valid)
        above.append(flow_to_color(flow, defined, longest))
        below.append(error_map(end_point_error(pair.flow, flow).numpy(), face & defined, worst))
    return np.vstack([np.hstack(above), np.hstack(below)])
