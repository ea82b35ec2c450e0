"""Candidate intervals of expressions in a long video, from the motion of the face over time.

A face that shows an expression at time t differs from the faces k frames before and k frames after it, while
these two are alike. The score of t at the scale k is the smaller of the first two differences minus the
difference between the two. The score of t is that of its best scale.

References:
    Moilanen, Zhao, Pietikainen, "Spotting Rapid Facial Movements from Videos Using Appearance-Based Feature
    Difference Analysis", ICPR 2014 (one scale, on texture).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

#: Half-lengths of an expression to try, seconds; its rise and fall may differ in length.
SCALES = tuple(np.geomspace(0.1, 1.6, 13).tolist())

_SMOOTHED = 0.03  # standard deviation, seconds: faster changes are noise of the camera
_ENOUGH = 0.6  # the smallest scale with this share of the best score is used
_LEVELS = (0.25, 0.75)  # shares of the apex between which rise and fall are measured
# Times at which a smooth movement t^2 (3 - 2t) reaches these shares, relative to its duration.
_TIMES = (0.326, 0.674)
_OVERLAP = 0.2  # candidates that overlap by this share of the shorter one are the same expression


@dataclass(frozen=True)
class Candidate:
    """An interval in which an expression may lie.

    Attributes:
        first, apex, last: indices of samples; `last` is part of the interval.
        score: contrast to the time before and after, in units of the signal.
    """

    first: int
    apex: int
    last: int
    score: float


def find_candidates(signal: np.ndarray, rate: float) -> list[Candidate]:
    """Find intervals in which a signal departs from its value and returns.

    Args:
        signal: state of the face at each time, such as displacements of its parts, float32 [T, N].
        rate: samples per second.

    Returns:
        Candidates in the order of time; of two that overlap, the one with the higher score. No threshold is
        applied to the scores.
    """
    if len(signal) < 3:
        return []
    smooth = gaussian_filter1d(signal.astype(np.float32), _SMOOTHED * rate, axis=0, mode="nearest")
    reaches = sorted({max(2, round(scale * rate)) for scale in SCALES})
    scores = np.stack([contrast(smooth, reach) for reach in reaches])
    best = scores.max(axis=0)
    peaks, _ = find_peaks(np.concatenate([[0], best, [0]]), height=1e-6)
    found = []
    for peak in (peaks - 1).tolist():
        scale = int(np.argmax(scores[:, peak] >= _ENOUGH * best[peak]))
        first, last = extent(smooth, peak, reaches[scale])
        found.append(Candidate(first, peak, last, float(best[peak])))
    return _without_overlaps(found)


def contrast(signal: np.ndarray, reach: int) -> np.ndarray:
    """Return the score of every sample at one scale: float [T], at least 0.

    Args:
        signal: state of the face at each time, float32 [T, N].
        reach: number of samples before and after. Beyond its ends, the signal keeps its first or last value.
    """
    padded = np.pad(signal, ((reach, reach), (0, 0)), mode="edge")
    before, after = padded[: len(signal)], padded[2 * reach :]
    away = np.minimum(_distance(signal, before), _distance(signal, after))
    return np.maximum(away - _distance(before, after), 0)


def extent(signal: np.ndarray, apex: int, reach: int) -> tuple[int, int]:
    """Return the first and last sample of the expression with a given apex.

    They are measured on the component of the signal along the line from the neutral face to the apex. The
    neutral face is the mean of the samples `reach` before and after the apex.
    """
    low, high = max(0, apex - 2 * reach), min(len(signal) - 1, apex + 2 * reach)
    neutral = (signal[max(0, apex - reach)] + signal[min(len(signal) - 1, apex + reach)]) / 2
    way = signal[apex] - neutral
    level = (signal[low : high + 1] - neutral) @ way / max(float(way @ way), 1e-12)
    before, after = level[: apex - low + 1][::-1], level[apex - low :]
    return max(low, apex - _duration(before)), min(high, apex + _duration(after))


def _duration(level: np.ndarray) -> int:
    """Return the duration of a movement, in samples, given its levels from the apex on."""
    outer, inner = (_crossing(level, share) for share in _LEVELS)
    slope = (outer - inner) / (_TIMES[1] - _TIMES[0])
    return max(1, round(outer + _TIMES[0] * max(slope, 0)))


def _crossing(level: np.ndarray, share: float) -> float:
    """Return when the level first falls below a share, in samples; the last sample if it never does."""
    below = np.flatnonzero(level < share)
    if not below.size or below[0] == 0:
        return float(len(level) - 1) if not below.size else 0.0
    k = int(below[0])
    return k - 1 + float((level[k - 1] - share) / (level[k - 1] - level[k]))


def _without_overlaps(candidates: list[Candidate]) -> list[Candidate]:
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: -one.score):
        if all(_overlap(candidate, other) < _OVERLAP for other in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda one: one.first)


def _overlap(a: Candidate, b: Candidate) -> float:
    common = max(0, min(a.last, b.last) - max(a.first, b.first) + 1)
    return common / min(a.last - a.first + 1, b.last - b.first + 1)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the mean displacement between two states, which are pairs (x, y) of cells: float [T]."""
    difference = (a - b).reshape(len(a), -1, 2)
    return np.sqrt(np.square(difference).sum(axis=-1)).mean(axis=-1)
