"""The gate of `face_flow`: its error on pairs with known flow, beside that of the live version."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from keras_models.evaluation.evaluate_flow import FlowEvaluation, evaluate_flow
from keras_models.inference.estimators import dense
from serving.client import FaceFlowClient
from serving.export.flow_signatures import FACE_FLOW
from serving.export.saved_model import unpublished_flow
from serving.rollout.gate import PATIENCE, on_trial, push, warmup_difference
from serving.rollout.infra_validator import TrialServer


@dataclass(frozen=True)
class Gate:
    """What a version must reach.

    Attributes:
        max_epe: greatest mean end-point error in the face, pixels. On the pairs of a portrait that
            `faceflow export` makes, no flow at all is off by 1.44 and the shipped network by 0.08.
        max_worse: how much greater than the live version's it may be, of it.
        max_difference: how far the server's answers may be from the network's own, pixels.
    """

    max_epe: float = 0.5
    max_worse: float = 0.05
    max_difference: float = 1e-3


@dataclass(frozen=True)
class Figures:
    """What was measured of a candidate.

    Attributes:
        epe: mean end-point error in the face, pixels, over all pairs.
        ms_per_pair: median time of an answer over gRPC, milliseconds.
        pairs: how many pairs were evaluated.
        unanswered: pairs without an answer, and why the first has none.
        difference: greatest distance between the server's answers to the warm-up requests and the network's
            own, pixels.
        live_version: the version that is live, if there is one.
        live_epe: its error on the same pairs.
    """

    epe: float
    ms_per_pair: float
    pairs: int
    unanswered: str
    difference: float
    live_version: int | None
    live_epe: float | None


def push_flow(
    model: keras.Model,
    folder: Path | str,
    pairs: Path | str,
    gate: Gate | None = None,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Export a flow network as `export_flow` does, but only if it passes the gate.

    The candidate and the live version are evaluated side by side, over gRPC, on a server process that serves
    nobody else. What was found is written into the version, as `assets.extra/blessing.json`.

    Args:
        model: as for `export_flow`.
        folder: the base folder of the servers.
        pairs: a pair folder to evaluate on.
        gate: what must be reached.
        about: as for `export_flow`.

    Returns:
        The folder of the version.

    Raises:
        InputError: if it does not pass; it says why, and nothing has changed.
    """
    gate, pairs = gate or Gate(), Path(pairs)

    def judge(candidate: Path, live: Path | None) -> tuple[dict[str, object], list[str]]:
        figures = _try(candidate, live, pairs)
        found = asdict(figures) | {"gate": asdict(gate), "evaluated_on": str(pairs)}
        return found, shortcomings(figures, gate)

    with unpublished_flow(model, folder, about) as candidate:
        return push(candidate, Path(folder) / FACE_FLOW, judge)


def shortcomings(figures: Figures, gate: Gate) -> list[str]:
    """Return why a candidate does not pass; an empty list if it does.

    Args:
        figures: of the candidate. NaN passes nothing.
        gate: what must be reached.
    """
    if figures.unanswered:
        return [f"it has no answer for {figures.unanswered}"]
    found = []
    if not figures.difference <= gate.max_difference:
        found.append(
            f"the server's answers differ from the network's by {figures.difference:.2g} px "
            f"({gate.max_difference:g} is allowed)"
        )
    if not figures.epe <= gate.max_epe:
        found.append(f"its error is {figures.epe:.3f} px ({gate.max_epe:g} is allowed)")
    if figures.live_epe is not None and not figures.epe <= figures.live_epe * (1 + gate.max_worse):
        found.append(
            f"its error is {figures.epe:.3f} px, that of the live version {figures.live_version} "
            f"{figures.live_epe:.3f} px ({100 * gate.max_worse:g} % more is allowed)"
        )
    return found


def _try(candidate: Path, live: Path | None, pairs: Path) -> Figures:
    with on_trial(candidate, live, FACE_FLOW) as (server, versions):
        difference = warmup_difference(candidate, versions["candidate"], server)
        evaluation = _evaluate(server, versions, pairs)
    summary = evaluation.summary("candidate")
    failed = [failure for failure in evaluation.failures if failure.method == "candidate"]
    return Figures(
        epe=summary["epe_face"],
        ms_per_pair=summary["ms_per_pair"],
        pairs=len(evaluation.of("candidate")),
        unanswered=f"{len(failed)} pairs ({failed[0].failure})" if failed else "",
        difference=difference,
        live_version=int(live.name) if live else None,
        live_epe=evaluation.summary("live")["epe_face"] if live else None,
    )


def _evaluate(server: TrialServer, versions: Mapping[str, int], pairs: Path) -> FlowEvaluation:
    clients = {
        name: FaceFlowClient(server.address, PATIENCE, version=version, retries=0)
        for name, version in versions.items()
    }
    try:
        return evaluate_flow(pairs, {name: dense(client.flow) for name, client in clients.items()})
    finally:
        for client in clients.values():
            client.close()
