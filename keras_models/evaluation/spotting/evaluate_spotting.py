"""Evaluation of spotting: thresholds are learned on all subjects but one, and tested on that one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from keras_models.evaluation.spotting.spotting_scores import (
    Spotted,
    SpottingCounts,
    count_video,
    match,
    recognition_f1,
)
from pipelines.datasets.long_video import KINDS, Kind, LongVideo
from pipelines.datasets.splits import folds
from pipelines.errors import InputError

#: Longest micro-expressions that are tried, seconds; half a second by definition, but ends are fuzzy.
MICRO_SECONDS = (0.45, 0.5, 0.55, 0.6, 0.65)

_LEAST_SCORE = 1e-6  # bounds ratios of scores
_NOTHING_TO_LEARN = 1.0  # threshold without any candidate of a kind: more than what the video shows anyhow


@dataclass(frozen=True)
class SpottingThresholds:
    """What is learned from the subjects of the training folds.

    Attributes:
        micro_seconds: longest micro-expression.
        macro, micro: least score of each kind.
    """

    micro_seconds: float
    macro: float
    micro: float


@dataclass(frozen=True, eq=False)
class VideoResult:
    """What was spotted in a video.

    Attributes:
        corpus: name of the corpus.
        video: video with its coded expressions.
        spotted: spotted expressions in the order of time.
        thresholds: thresholds of the fold.
    """

    corpus: str
    video: LongVideo
    spotted: tuple[Spotted, ...]
    thresholds: SpottingThresholds


@dataclass(frozen=True, eq=False)
class SpottingEvaluation:
    """Results of a method over all videos.

    Attributes:
        method: name of the method.
        results: one per video.
        labels: (class that is coded, class that was recognised) of the micro-expressions that were found and
            have a class; None if nothing was classified.
    """

    method: str
    results: tuple[VideoResult, ...]
    labels: tuple[tuple[str, str], ...] | None = None

    def counts(self, corpus: str | None = None) -> dict[str, SpottingCounts]:
        """Count hits by kind, and of both (`overall`), over the videos of a corpus or all of them."""
        totals = dict.fromkeys(KINDS, SpottingCounts())
        for result in self.results:
            if corpus in (None, result.corpus):
                found = count_video(result.spotted, result.video.expressions)
                totals = {kind: totals[kind] + found[kind] for kind in KINDS}
        return totals | {"overall": totals["macro"] + totals["micro"]}

    @property
    def recognition(self) -> float | None:
        """Unweighted mean F1 over classes of the micro-expressions that were found; None if unknown."""
        if self.labels is None:
            return None
        return recognition_f1([true for true, _ in self.labels], [said for _, said in self.labels])

    @property
    def strs(self) -> float | None:
        """Spotting times recognition: F1 of micro-expressions times `recognition`; None if unknown."""
        found = self.recognition
        return None if found is None else self.counts()["micro"].f1 * found

    def to_json(self) -> dict:
        """Return everything as plain values."""
        names = list(dict.fromkeys(result.corpus for result in self.results))
        parts = {name: self.counts(name) for name in names} | {"all": self.counts()}
        return {
            "method": self.method,
            "parts": {
                part: {
                    kind: asdict(one) | {"precision": one.precision, "recall": one.recall, "f1": one.f1}
                    for kind, one in counts.items()
                }
                for part, counts in parts.items()
            },
            "recognition_uf1": self.recognition,
            "strs": self.strs,
            "videos": [
                {
                    "corpus": result.corpus,
                    "video": result.video.name,
                    "subject": result.video.subject,
                    "thresholds": asdict(result.thresholds),
                    "expressions": [
                        {"name": e.name, "kind": e.kind, "onset": e.onset, "offset": e.offset}
                        for e in result.video.expressions
                    ],
                    "spotted": [asdict(one) for one in result.spotted],
                }
                for result in self.results
            ],
        }


@dataclass(frozen=True, eq=False)
class _Job:
    corpus: str
    video: LongVideo
    candidates: tuple[Spotted, ...]

    @property
    def subject(self) -> str:
        return f"{self.corpus}/{self.video.subject}"


def apply_thresholds(
    candidates: Sequence[Spotted], rate: float, thresholds: SpottingThresholds
) -> tuple[Spotted, ...]:
    """Choose among candidates, and tell macro- from micro-expressions by how long they last.

    Args:
        candidates: candidates of a video.
        rate: frames per second.
        thresholds: learned thresholds.
    """
    chosen = []
    for one in candidates:
        seconds = (one.last - one.first) / rate
        kind: Kind = "micro" if seconds <= thresholds.micro_seconds else "macro"
        if one.score >= getattr(thresholds, kind):
            chosen.append(replace(one, kind=kind))
    return tuple(chosen)


def learn_thresholds(videos: Sequence[tuple[LongVideo, Sequence[Spotted]]]) -> SpottingThresholds:
    """Choose the thresholds with the best F1 of each kind on some videos.

    Args:
        videos: videos and their candidates.
    """
    everything = dict.fromkeys(KINDS, 0.0)
    ranking = []
    for limit in MICRO_SECONDS:
        at = SpottingThresholds(limit, **everything)
        found = [(apply_thresholds(candidates, video.rate, at), video) for video, candidates in videos]
        ranking.append((limit, {kind: _best_threshold(found, kind) for kind in KINDS}))
    reached = [sum(f1 for f1, _ in best.values()) for _, best in ranking]
    # Of limits that do alike the middle one is furthest from doing worse.
    alike = [one for one, f1 in zip(ranking, reached, strict=True) if np.isclose(f1, max(reached))]
    limit, best = alike[len(alike) // 2]
    return SpottingThresholds(limit, best["macro"][1], best["micro"][1])


def _best_threshold(found: Sequence[tuple[Sequence[Spotted], LongVideo]], kind: Kind) -> tuple[float, float]:
    """Return the best F1 of a kind, and the threshold that reaches it.

    The threshold is the geometric mean of the two scores that it separates. Of thresholds that do alike the
    one with the largest ratio of these scores is chosen.
    """
    true, scores, right = 0, [], []
    for spotted, video in found:
        hits = {i for i, _ in match(spotted, video.expressions)}
        of_kind = [(one.score, i in hits) for i, one in enumerate(spotted) if one.kind == kind]
        scores += [score for score, _ in of_kind]
        right += [is_hit for _, is_hit in of_kind]
        true += sum(one.kind == kind for one in video.expressions)
    if not scores:
        return float(true == 0), _NOTHING_TO_LEARN
    order = np.argsort(scores)[::-1]
    hits = np.concatenate([[0], np.cumsum(np.array(right)[order])])
    highest = np.maximum(np.array(scores)[order], _LEAST_SCORE)
    levels = np.concatenate([2 * highest[:1], highest, highest[-1:] / 2])
    # Threshold k keeps the k highest scores.
    f1 = np.array([SpottingCounts(hit, k, true).f1 for k, hit in enumerate(hits.tolist())])
    alike = np.flatnonzero(np.isclose(f1, f1.max()))
    k = alike[np.argmax(levels[alike] / levels[alike + 1])]
    return float(f1[k]), float(np.sqrt(levels[k] * levels[k + 1]))


def evaluate_spotting(
    method: str,
    videos: Mapping[str, Sequence[LongVideo]],
    candidates: Callable[[LongVideo], Sequence[Spotted]],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[SpottingEvaluation, list[str]]:
    """Spot in every video with thresholds learned on the other subjects.

    Args:
        method: name of the method.
        videos: videos by name of the corpus.
        candidates: finds candidates in a video, of any kind, with their scores (`spotting_methods`).
        progress: called with the number of videos done and the number of all.

    Returns:
        (the evaluation, messages about videos that were skipped).

    Raises:
        InputError: if there are fewer than two subjects.
    """
    everything = [(corpus, video) for corpus, of_corpus in videos.items() for video in of_corpus]
    jobs, skipped = [], []
    for number, (corpus, video) in enumerate(everything):
        try:
            jobs.append(_Job(corpus, video, tuple(candidates(video))))
        except InputError as error:
            skipped.append(f"{corpus}: {video.name}: {error}")
        progress(number + 1, len(everything))
    subjects = {job.subject for job in jobs}
    if len(subjects) < 2:
        why = f"; skipped: {'; '.join(skipped[:3])}" + "; ..." * (len(skipped) > 3) if skipped else ""
        raise InputError(
            f"{len(subjects)} subject(s) with a video that can be read are too few to leave one out{why}"
        )
    results = {}
    for fold in folds("loso", [job.subject for job in jobs]):
        training = [(job.video, job.candidates) for job in jobs if job.subject in fold.training]
        thresholds = learn_thresholds(training)
        for job in jobs:
            if job.subject in fold.test:
                spotted = apply_thresholds(job.candidates, job.video.rate, thresholds)
                results[id(job)] = VideoResult(job.corpus, job.video, spotted, thresholds)
    return SpottingEvaluation(method, tuple(results[id(job)] for job in jobs)), skipped


def found_micro_expressions(evaluation: SpottingEvaluation) -> list[tuple[VideoResult, Spotted, str]]:
    """Return the micro-expressions that were found: result, interval, and name of the coded expression."""
    found = []
    for result in evaluation.results:
        for i, j in match(result.spotted, result.video.expressions):
            expression = result.video.expressions[j]
            if expression.kind == "micro":
                found.append((result, result.spotted[i], expression.name))
    return found
