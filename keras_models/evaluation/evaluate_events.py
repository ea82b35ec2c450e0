"""Evaluation of the events that an analysis finds in rendered clips, where it is known what happens when."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.clip_analysis.analysis import AnalysisConfig, analyse_clip
from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.clip_analysis.tracking.tracker import FlowEstimate
from pipelines.io.clip_truth import ClipEvent, list_clips, read_clip_truth

#: Kinds that are scored: those that an analysis looks for.
EVENT_KINDS = ("micro", "macro", "blink")

_HIT = 0.5  # intersection over union from which on an event is found (MEGC 2019)


@dataclass(frozen=True)
class EventScores:
    """How well events of one kind are found.

    Attributes:
        true: count of events that there are.
        found: count of events that were found.
        right: count of those that overlap a true one by half or more (intersection over union).
        apex_ms: mean distance of apexes of right events, milliseconds; NaN without any.
        onset_ms: the same of onsets.
    """

    true: int
    found: int
    right: int
    apex_ms: float
    onset_ms: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing was found."""
        total = self.true + self.found
        return 2 * self.right / total if total else 1.0


def evaluate_events(
    clips: Iterable[tuple[list[FoundEvent], list[ClipEvent], float]],
) -> dict[str, EventScores]:
    """Score the events of clips by kind.

    Args:
        clips: what was found, what is true, and the frames per second of each clip. Speech is a movement
            with many parts: what has its apex within it is neither right nor wrong.

    Returns:
        Scores of `EVENT_KINDS`.
    """
    totals = {kind: [0, 0, 0, [], []] for kind in EVENT_KINDS}
    for found, true, rate in clips:
        neither = [(one.onset, one.offset) for one in true if one.kind == "speech"]
        for kind in EVENT_KINDS:
            total = totals[kind]
            left = [one for one in true if one.kind == kind]
            total[0] += len(left)
            for event in found:
                if event.kind != kind:
                    continue
                if any(first <= event.apex <= last for first, last in neither):
                    continue
                total[1] += 1
                span = (event.onset, event.offset)
                best = max(left, key=lambda one: overlap(span, (one.onset, one.offset)), default=None)
                if best is None or overlap(span, (best.onset, best.offset)) < _HIT:
                    continue
                left.remove(best)
                total[2] += 1
                total[3].append(abs(event.apex - best.apex) * 1000 / rate)
                total[4].append(abs(event.onset - best.onset) * 1000 / rate)
    return {
        kind: EventScores(true, found, right, _mean(apexes), _mean(onsets))
        for kind, (true, found, right, apexes, onsets) in totals.items()
    }


def events_of_clips(
    folder: Path | str, estimate: FlowEstimate, on_clip: Callable[[str], None] = lambda name: None
) -> dict[str, EventScores]:
    """Analyse every clip of a folder and score its events.

    Args:
        folder: as `faceflow render clips` writes it.
        estimate: estimator of the flow.
        on_clip: called with the name of each clip that is done.

    Raises:
        InputError: if the folder holds no clip, or a clip is damaged.
    """
    scored = []
    for path in list_clips(folder):
        truth = read_clip_truth(path)
        config = AnalysisConfig(rate=truth.rate, magnify=0)
        analysis = analyse_clip(path / "frames", None, estimate, config)
        scored.append((list(analysis.events), list(truth.events), truth.rate))
        on_clip(path.name)
    return evaluate_events(scored)


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return intersection over union of two intervals of frames, ends included."""
    common = min(a[1], b[1]) - max(a[0], b[0]) + 1
    return max(0, common) / (a[1] - a[0] + b[1] - b[0] + 2 - max(0, common))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
