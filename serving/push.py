"""The gate between a trained network and the servers: evaluate it, try it on a real server, then name it.

What TFX's Evaluator, InfraValidator and Pusher do, for one kind of model. Whatever goes wrong, the version
that is live stays as it is.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
import keras
import numpy as np

from keras_models.evaluate_flow import FlowEvaluation, evaluate_flow
from keras_models.methods import dense
from pipelines.errors import InputError
from serving.client import MAX_MESSAGE, FaceFlowClient
from serving.export import unpublished_flow
from serving.flow_model import FACE_FLOW
from serving.publishing import publish
from serving.stubs import prediction_service_pb2_grpc
from serving.tensors import to_array
from serving.trial import TrialServer, trial_server
from serving.versions import versions_in
from serving.warmup import read_warmup

#: What the gate found, inside the folder of a version that passed it.
BLESSING = "assets.extra/blessing.json"

_SECONDS = 60.0  # for one answer


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
    gate, base = gate or Gate(), Path(folder) / FACE_FLOW
    with unpublished_flow(model, folder, about) as candidate:
        live = max(versions_in(base), default=None)
        try:
            figures = _try(candidate, None if live is None else base / str(live), Path(pairs))
            reasons = shortcomings(figures, gate)
        except InputError as error:
            reasons = [str(error)]
        if reasons:
            stays = f"version {live} stays live" if live else "there is no live version"
            raise InputError(f"{base}: not pushed: {'; '.join(reasons)}; {stays}")
        blessing = asdict(figures) | {
            "gate": asdict(gate),
            "evaluated_on": str(pairs),
            "blessed": time.time(),
        }
        (candidate / BLESSING).write_text(json.dumps(blessing, indent=1))
        return publish(candidate, base)


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
    number = int(live.name) + 1 if live else 1
    folder = candidate.parent / "trial"
    (folder / FACE_FLOW).mkdir(parents=True)
    for version, path in ((number, candidate), (number - 1, live)):
        if path:
            os.symlink(path.absolute(), folder / FACE_FLOW / str(version))
    with trial_server(folder, [FACE_FLOW]) as server:
        difference = _difference(candidate, number, server)
        versions = {"candidate": number} | ({"live": number - 1} if live else {})
        evaluation = _evaluate(server, versions, pairs)
        server.check_alive()
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
        name: FaceFlowClient(server.address, _SECONDS, version=version, retries=0)
        for name, version in versions.items()
    }
    try:
        return evaluate_flow(pairs, {name: dense(client.flow) for name, client in clients.items()})
    finally:
        for client in clients.values():
            client.close()


def _difference(candidate: Path, version: int, server: TrialServer) -> float:
    """Send the warm-up requests and return how far the answers are from those they carry."""
    largest = 0.0
    options = [("grpc.max_receive_message_length", MAX_MESSAGE)]
    with grpc.insecure_channel(server.address, options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for call in read_warmup(candidate):
            call.request.model_spec.version.value = version
            try:
                response = stub.Predict(call.request, timeout=_SECONDS)
            except grpc.RpcError as error:
                server.check_alive()
                raise InputError(f"its warm-up request fails ({error.details()})") from error
            for name, expected in call.response.outputs.items():
                difference = np.abs(to_array(response.outputs[name]) - to_array(expected)).max()
                largest = float(np.maximum(largest, difference))  # NaN stays NaN
    return largest
