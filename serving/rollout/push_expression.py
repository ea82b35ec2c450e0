"""The gate of `micro_expression`: its scores on clips of known class, beside those of the live version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from keras_models.evaluation.expression_scores import confusion, scores
from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.expression_samples import corpus_folders
from pipelines.datasets.composite import CLASSES, composite_class
from pipelines.datasets.corpora import read_corpus
from pipelines.errors import InputError
from pipelines.io.images import read_images
from serving.client import FaceFlowClient, ServerError
from serving.export.expression_signatures import MICRO_EXPRESSION
from serving.export.saved_model import unpublished_expression
from serving.rollout.gate import PATIENCE, on_trial, push, warmup_difference
from serving.rollout.infra_validator import TrialServer


@dataclass(frozen=True)
class ExpressionGate:
    """What a version must reach.

    Attributes:
        min_uf1: least mean F1 over the classes; guessing among three reaches 0.33.
        max_worse: how much less than the live version's it may be.
        max_difference: how far the server's probabilities may be from the network's own.
    """

    min_uf1: float = 0.5
    max_worse: float = 0.05
    max_difference: float = 1e-3


@dataclass(frozen=True)
class ExpressionFigures:
    """What was measured of a candidate.

    Attributes:
        uf1: mean F1 over the classes.
        uar: mean recall over the classes.
        clips: how many were classified.
        left_out: how many were not, for want of a face or of onset and apex.
        difference: greatest distance between the server's answers to the warm-up requests and the network's
            own.
        live_version: the version that is live, if there is one.
        live_uf1: its mean F1 on the same clips.
    """

    uf1: float
    uar: float
    clips: int
    left_out: int
    difference: float
    live_version: int | None
    live_uf1: float | None


def push_expression(
    classifier: ExpressionClassifier,
    network: keras.Model,
    folder: Path | str,
    corpora: Sequence[str],
    gate: ExpressionGate | None = None,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Export a classifier as `export_expression` does, but only if it passes the gate.

    Candidate and live version classify the same clips, over gRPC, on a server process that serves nobody
    else. What was found is written into the version, as `assets.extra/blessing.json`.

    Args:
        classifier: as for `export_expression`.
        network: likewise.
        folder: the base folder of the servers.
        corpora: `NAME=DIR` each, of the MEGC 2019 composite; of people that the classifier has not seen.
        gate: what must be reached.
        about: as for `export_expression`.

    Returns:
        The folder of the version.

    Raises:
        InputError: if it does not pass; it says why, and nothing has changed. And for corpora that cannot be
            read.
    """
    gate, clips = gate or ExpressionGate(), list(_clips(corpus_folders(corpora)))

    def judge(candidate: Path, live: Path | None) -> tuple[dict[str, object], list[str]]:
        figures = _try(candidate, live, clips)
        found = asdict(figures) | {"gate": asdict(gate), "evaluated_on": list(corpora)}
        return found, shortcomings(figures, gate)

    with unpublished_expression(classifier, network, folder, about) as candidate:
        return push(candidate, Path(folder) / MICRO_EXPRESSION, judge)


def shortcomings(figures: ExpressionFigures, gate: ExpressionGate) -> list[str]:
    """Return why a candidate does not pass; an empty list if it does.

    Args:
        figures: of the candidate. NaN passes nothing.
        gate: what must be reached.
    """
    found = []
    if not figures.difference <= gate.max_difference:
        found.append(
            f"the server's answers differ from the network's by {figures.difference:.2g} "
            f"({gate.max_difference:g} is allowed)"
        )
    if not figures.uf1 >= gate.min_uf1:
        found.append(f"its UF1 is {figures.uf1:.3f} ({gate.min_uf1:g} is asked for)")
    if figures.live_uf1 is not None and not figures.uf1 >= figures.live_uf1 - gate.max_worse:
        found.append(
            f"its UF1 is {figures.uf1:.3f}, that of the live version {figures.live_version} "
            f"{figures.live_uf1:.3f} ({gate.max_worse:g} less is allowed)"
        )
    return found


def _clips(folders: Mapping[str, Path]) -> Iterator[tuple[Path | None, Path | None, int]]:
    """Yield onset, apex and class of each clip of the composite; None for frames that are not known."""
    for name, folder in folders.items():
        for clip in read_corpus(name, folder).clips:
            label = composite_class(name, clip)
            if label is None:
                continue
            known = clip.frames is not None and None not in (clip.onset, clip.apex) and clip.apex > clip.onset
            frames = (clip.frames[clip.onset], clip.frames[clip.apex]) if known else (None, None)
            yield *frames, CLASSES.index(label)


def _try(
    candidate: Path, live: Path | None, clips: Sequence[tuple[Path | None, Path | None, int]]
) -> ExpressionFigures:
    with on_trial(candidate, live, MICRO_EXPRESSION) as (server, versions):
        difference = warmup_difference(candidate, versions["candidate"], server)
        counts = {who: _confusion(server, version, clips) for who, version in versions.items()}
    answered = int(counts["candidate"].sum())
    if not answered:
        raise InputError("none of the clips has onset, apex and a face")
    found = scores(counts["candidate"])
    return ExpressionFigures(
        uf1=found.uf1,
        uar=found.uar,
        clips=answered,
        left_out=len(clips) - answered,
        difference=difference,
        live_version=int(live.name) if live else None,
        live_uf1=scores(counts["live"]).uf1 if live else None,
    )


def _confusion(
    server: TrialServer, version: int, clips: Sequence[tuple[Path | None, Path | None, int]]
) -> np.ndarray:
    labels, answers = [], []
    with FaceFlowClient(server.address, PATIENCE, MICRO_EXPRESSION, version=version, retries=0) as client:
        for onset, apex, label in clips:
            if onset is None or apex is None:
                continue
            try:
                found = client.expression(*read_images([onset, apex]))
            except ServerError as error:
                server.check_alive()
                raise InputError(f"it has no answer for {apex} ({error})") from error
            except InputError:  # no face, which is the clip's fault and the same for both versions
                continue
            best = max(found, key=found.get)
            if best not in CLASSES:
                raise InputError(f"it answers {best!r}, which is none of {', '.join(CLASSES)}")
            labels.append(label)
            answers.append(CLASSES.index(best))
    return confusion(np.array(labels, int), np.array(answers, int), len(CLASSES))
