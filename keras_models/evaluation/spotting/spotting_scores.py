"""Scores of spotting: intervals found, by kind, and spotting times recognition.

References:
    Li et al., "MEGC2020 - The Third Facial Micro-Expression Grand Challenge", FG 2020: an interval is found
    at an intersection over union of at least 0.5; F1 over all videos.
    Liong et al., "Spot-then-Recognize: A Micro-Expression Analysis Network for Seamless Evaluation of
    Long Videos", Signal Processing: Image Communication 110, 2023: STRS.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.datasets.long_video import KINDS, Expression, Kind

#: Intersection over union from which on an interval is found.
IOU = 0.5


@dataclass(frozen=True)
class Spotted:
    """An interval that was spotted.

    Attributes:
        kind: macro or micro.
        first, apex, last: frames of the video; the interval includes both ends.
        score: how much it stands out.
        emotion: class that was recognised in it, if it was classified.
    """

    kind: Kind
    first: int
    apex: int
    last: int
    score: float
    emotion: str | None = None

    @property
    def interval(self) -> tuple[int, int]:
        """First and last frame."""
        return self.first, self.last


@dataclass(frozen=True)
class SpottingCounts:
    """Hits and misses, added over videos.

    Attributes:
        hits: intervals found; `found` all that were reported; `true` all that were coded.
    """

    hits: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: "SpottingCounts") -> "SpottingCounts":
        """Add the counts of other videos."""
        return SpottingCounts(self.hits + other.hits, self.found + other.found, self.true + other.true)

    @property
    def precision(self) -> float:
        """Share of the reported intervals that are right; 0 if none was reported."""
        return self.hits / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the coded intervals that were found; 0 if none was coded."""
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """F1; 1 where there was nothing to find and nothing was reported."""
        total = self.found + self.true
        return 2 * self.hits / total if total else 1.0


def iou(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return intersection over union of two intervals of frames, ends included.

    >>> iou((0, 9), (5, 14))
    0.3333333333333333
    """
    common = max(0, min(a[1], b[1]) - max(a[0], b[0]) + 1)
    return common / (a[1] - a[0] + b[1] - b[0] + 2 - common)


def match(found: Sequence[Spotted], true: Sequence[Expression]) -> list[tuple[int, int]]:
    """Match intervals of one video; each counts once, and kinds are apart.

    Returns:
        (index of a found, index of a true interval) of each hit, the best overlaps first.
    """
    pairs = sorted(
        (
            (-iou(one.interval, other.interval), i, j)
            for i, one in enumerate(found)
            for j, other in enumerate(true)
            if one.kind == other.kind
        )
    )
    hits, used_i, used_j = [], set(), set()
    for negative, i, j in pairs:
        if -negative >= IOU and i not in used_i and j not in used_j:
            hits.append((i, j))
            used_i.add(i)
            used_j.add(j)
    return hits


def count_video(found: Sequence[Spotted], true: Sequence[Expression]) -> dict[Kind, SpottingCounts]:
    """Count hits of one video by kind."""
    hits = match(found, true)
    return {
        kind: SpottingCounts(
            sum(found[i].kind == kind for i, _ in hits),
            sum(one.kind == kind for one in found),
            sum(one.kind == kind for one in true),
        )
        for kind in KINDS
    }


def recognition_f1(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the unweighted mean F1 over the classes that occur; 0 without any sample."""
    names = sorted({*true, *predicted})
    scores = []
    for name in names:
        both = sum(t == p == name for t, p in zip(true, predicted, strict=True))
        scores.append(2 * both / (true.count(name) + predicted.count(name)))
    return float(np.mean(scores)) if scores else 0.0
