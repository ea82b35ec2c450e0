"""Evaluator of `face_flow`: compares the errors of candidate and baseline on pairs with known flow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from keras_models.evaluation.evaluate_flow import FlowEvaluation, evaluate_flow
from keras_models.inference.estimators import dense
from serving.client import FaceFlowClient
from serving.export.flow_signatures import FACE_FLOW
from serving.export.saved_model import unpublished_flow
from serving.rollout.infra_validator import (
    TIMEOUT,
    CandidateServer,
    serve_candidate,
    warmup_difference,
)
from serving.rollout.pusher import push


@dataclass(frozen=True)
class FlowThresholds:
    """Thresholds that a version must pass.

    Attributes:
        max_epe: Largest mean end-point error in the face, pixels. On the portrait pairs that `faceflow
            export` generates, zero flow has 1.44 and the shipped network 0.06.
        max_regression: Largest increase of that error over the baseline's, as a fraction of it.
        max_warmup_difference: Largest difference between the server's responses to the warm-up requests and
            the network's own, pixels.
    """

    max_epe: float = 0.5
    max_regression: float = 0.05
    max_warmup_difference: float = 1e-3


@dataclass(frozen=True)
class FlowMetrics:
    """Results of a candidate.

    Attributes:
        epe: Mean end-point error in the face over all pairs, pixels.
        ms_per_pair: Median time of a response over gRPC, milliseconds.
        pairs: Number of evaluated pairs.
        unanswered: Number of pairs without a response, and the error of the first.
        warmup_difference: Largest difference between the server's responses to the warm-up requests and the
            network's own, pixels.
        baseline_version: Version of the baseline, if there is one.
        baseline_epe: Error of the baseline on the same pairs, pixels.
    """

    epe: float
    ms_per_pair: float
    pairs: int
    unanswered: str
    warmup_difference: float
    baseline_version: int | None
    baseline_epe: float | None


def push_flow(
    model: keras.Model,
    folder: Path | str,
    pairs: Path | str,
    thresholds: FlowThresholds | None = None,
    about: Mapping[str, object] | None = None,
    name: str | None = None,
) -> Path:
    """Export a flow network as `export_flow` does, but only if it passes the thresholds.

    Candidate and baseline are evaluated side by side, over gRPC, in a server process of their own. The
    results are written into the version as `assets.extra/blessing.json`.

    Args:
        model: Flow network, as for `export_flow`.
        folder: Folder of the served models.
        pairs: Pair folder to evaluate on.
        thresholds: Thresholds to pass.
        about: Origin of the network, as for `export_flow`.
        name: Name of the pairs in the record of the evaluation; by default their path.

    Returns:
        The folder of the version.

    Raises:
        InputError: If the candidate does not pass. The message lists the failures, and nothing has changed.
    """
    thresholds, pairs = thresholds or FlowThresholds(), Path(pairs)

    def evaluate(candidate: Path, baseline: Path | None) -> tuple[dict[str, object], list[str]]:
        metrics = _measure(candidate, baseline, pairs)
        found = asdict(metrics) | {"thresholds": asdict(thresholds), "evaluated_on": name or str(pairs)}
        return found, failures(metrics, thresholds)

    with unpublished_flow(model, folder, about) as candidate:
        return push(candidate, Path(folder) / FACE_FLOW, evaluate)


def failures(metrics: FlowMetrics, thresholds: FlowThresholds) -> list[str]:
    """Return the reasons why a candidate does not pass; empty if it passes.

    Args:
        metrics: Results of the candidate. NaN fails every threshold.
        thresholds: Thresholds to pass.
    """
    if metrics.unanswered:
        return [f"it gives no response for {metrics.unanswered}"]
    found = []
    if not metrics.warmup_difference <= thresholds.max_warmup_difference:
        found.append(
            f"the server's responses differ from the network's by {metrics.warmup_difference:.2g} px "
            f"({thresholds.max_warmup_difference:g} is allowed)"
        )
    if not metrics.epe <= thresholds.max_epe:
        found.append(f"its error is {metrics.epe:.3f} px ({thresholds.max_epe:g} is allowed)")
    if metrics.baseline_epe is not None and not metrics.epe <= metrics.baseline_epe * (
        1 + thresholds.max_regression
    ):
        found.append(
            f"its error is {metrics.epe:.3f} px, that of the baseline (version {metrics.baseline_version}) "
            f"{metrics.baseline_epe:.3f} px ({100 * thresholds.max_regression:g} % more is allowed)"
        )
    return found


def _measure(candidate: Path, baseline: Path | None, pairs: Path) -> FlowMetrics:
    with serve_candidate(candidate, baseline, FACE_FLOW) as (server, versions):
        difference = warmup_difference(candidate, versions["candidate"], server)
        evaluation = _evaluate(server, versions, pairs)
    summary = evaluation.summary("candidate")
    failed = [failure for failure in evaluation.failures if failure.method == "candidate"]
    return FlowMetrics(
        epe=summary["epe_face"],
        ms_per_pair=summary["ms_per_pair"],
        pairs=len(evaluation.of("candidate")),
        unanswered=f"{len(failed)} pairs ({failed[0].failure})" if failed else "",
        warmup_difference=difference,
        baseline_version=int(baseline.name) if baseline else None,
        baseline_epe=evaluation.summary("baseline")["epe_face"] if baseline else None,
    )


def _evaluate(server: CandidateServer, versions: Mapping[str, int], pairs: Path) -> FlowEvaluation:
    clients = {
        name: FaceFlowClient(server.address, TIMEOUT, version=version, retries=0)
        for name, version in versions.items()
    }
    try:
        return evaluate_flow(pairs, {name: dense(client.flow) for name, client in clients.items()})
    finally:
        for client in clients.values():
            client.close()
