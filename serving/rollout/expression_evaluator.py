"""Evaluator of `micro_expression`: compares the scores of candidate and baseline on labelled clips."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from keras_models.evaluation.expression_scores import confusion, scores
from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.expression_samples import corpus_folders
from pipelines.datasets.composite import CLASSES, PUBLISHED, composite_class
from pipelines.datasets.corpora import read_corpus
from pipelines.errors import InputError
from pipelines.io.images import read_images
from serving.client import FaceFlowClient, ServerError
from serving.export.expression_signatures import MICRO_EXPRESSION
from serving.export.saved_model import unpublished_expression
from serving.rollout.infra_validator import (
    TIMEOUT,
    CandidateServer,
    serve_candidate,
    warmup_difference,
)
from serving.rollout.pusher import push


@dataclass(frozen=True)
class ExpressionThresholds:
    """Thresholds that a version must pass.

    Attributes:
        min_uf1: Smallest UF1, the mean F1 over the classes; guessing among three classes reaches 0.33.
        max_regression: Largest decrease of UF1 below the baseline's.
        max_warmup_difference: Largest difference between the server's responses to the warm-up requests and
            the network's own probabilities.
    """

    min_uf1: float = 0.5
    max_regression: float = 0.05
    max_warmup_difference: float = 1e-3


@dataclass(frozen=True)
class ExpressionMetrics:
    """Results of a candidate.

    Attributes:
        uf1: Mean F1 over the classes.
        uar: Mean recall over the classes.
        clips: Number of classified clips.
        skipped: Number of clips without a face, or without a coded onset and apex.
        warmup_difference: Largest difference between the server's responses to the warm-up requests and the
            network's own.
        baseline_version: Version of the baseline, if there is one.
        baseline_uf1: UF1 of the baseline on the same clips.
    """

    uf1: float
    uar: float
    clips: int
    skipped: int
    warmup_difference: float
    baseline_version: int | None
    baseline_uf1: float | None


def push_expression(
    classifier: ExpressionClassifier,
    network: keras.Model,
    folder: Path | str,
    corpora: Sequence[str],
    thresholds: ExpressionThresholds | None = None,
    about: Mapping[str, object] | None = None,
) -> Path:
    """Export a classifier as `export_expression` does, but only if it passes the thresholds.

    Candidate and baseline classify the same clips, over gRPC, in a server process of their own. The results
    are written into the version as `assets.extra/blessing.json`.

    Args:
        classifier: Classifier, as for `export_expression`.
        network: Flow network, as for `export_expression`.
        folder: Folder of the served models.
        corpora: Corpora of the MEGC 2019 composite, `NAME=DIR` each, with subjects that are not in the
            training data.
        thresholds: Thresholds to pass.
        about: Origin of the classifier, as for `export_expression`.

    Returns:
        The folder of the version.

    Raises:
        InputError: If a corpus cannot be read, or the candidate does not pass. The message lists the
            failures, and nothing has changed.
    """
    thresholds, clips = thresholds or ExpressionThresholds(), list(_clips(corpus_folders(corpora)))

    def evaluate(candidate: Path, baseline: Path | None) -> tuple[dict[str, object], list[str]]:
        metrics = _measure(candidate, baseline, clips)
        found = asdict(metrics) | {"thresholds": asdict(thresholds), "evaluated_on": list(corpora)}
        return found, failures(metrics, thresholds)

    with unpublished_expression(classifier, network, folder, about) as candidate:
        return push(candidate, Path(folder) / MICRO_EXPRESSION, evaluate)


def failures(metrics: ExpressionMetrics, thresholds: ExpressionThresholds) -> list[str]:
    """Return the reasons why a candidate does not pass; empty if it passes.

    Args:
        metrics: Results of the candidate. NaN fails every threshold.
        thresholds: Thresholds to pass.
    """
    found = []
    if not metrics.warmup_difference <= thresholds.max_warmup_difference:
        found.append(
            f"the server's responses differ from the network's by {metrics.warmup_difference:.2g} "
            f"({thresholds.max_warmup_difference:g} is allowed)"
        )
    if not metrics.uf1 >= thresholds.min_uf1:
        found.append(f"its UF1 is {metrics.uf1:.3f} ({thresholds.min_uf1:g} is required)")
    if (
        metrics.baseline_uf1 is not None
        and not metrics.uf1 >= metrics.baseline_uf1 - thresholds.max_regression
    ):
        found.append(
            f"its UF1 is {metrics.uf1:.3f}, that of the baseline (version {metrics.baseline_version}) "
            f"{metrics.baseline_uf1:.3f} ({thresholds.max_regression:g} less is allowed)"
        )
    return found


def _clips(folders: Mapping[str, Path]) -> Iterator[tuple[Path | None, Path | None, int]]:
    """Yield onset, apex and class of each clip of the composite; both frames are None if one is unknown."""
    if strangers := [name for name in folders if name not in PUBLISHED]:
        raise InputError(f"{strangers[0]} is not in the composite, whose corpora are: {', '.join(PUBLISHED)}")
    for name, folder in folders.items():
        for clip in read_corpus(name, folder).clips:
            label = composite_class(name, clip)
            if label is None:
                continue
            known = clip.frames is not None and None not in (clip.onset, clip.apex) and clip.apex > clip.onset
            frames = (clip.frames[clip.onset], clip.frames[clip.apex]) if known else (None, None)
            yield *frames, CLASSES.index(label)


def _measure(
    candidate: Path, baseline: Path | None, clips: Sequence[tuple[Path | None, Path | None, int]]
) -> ExpressionMetrics:
    with serve_candidate(candidate, baseline, MICRO_EXPRESSION) as (server, versions):
        difference = warmup_difference(candidate, versions["candidate"], server)
        counts = {role: _confusion(server, version, clips) for role, version in versions.items()}
    answered = int(counts["candidate"].sum())
    if not answered:
        raise InputError("no clip has an onset, an apex and a face")
    found = scores(counts["candidate"])
    return ExpressionMetrics(
        uf1=found.uf1,
        uar=found.uar,
        clips=answered,
        skipped=len(clips) - answered,
        warmup_difference=difference,
        baseline_version=int(baseline.name) if baseline else None,
        baseline_uf1=scores(counts["baseline"]).uf1 if baseline else None,
    )


def _confusion(
    server: CandidateServer, version: int, clips: Sequence[tuple[Path | None, Path | None, int]]
) -> np.ndarray:
    labels, answers = [], []
    with FaceFlowClient(server.address, TIMEOUT, MICRO_EXPRESSION, version=version, retries=0) as client:
        for onset, apex, label in clips:
            if onset is None or apex is None:
                continue
            try:
                found = client.expression(*read_images([onset, apex]))
            except ServerError as error:
                server.check_alive()
                raise InputError(f"it gives no response for {apex} ({error})") from error
            except InputError:  # no face in the clip, for either version
                continue
            best = max(found, key=found.get)
            if best not in CLASSES:
                raise InputError(f"it predicts {best!r}, which is none of {', '.join(CLASSES)}")
            labels.append(label)
            answers.append(CLASSES.index(best))
    return confusion(np.array(labels, int), np.array(answers, int), len(CLASSES))
