"""Candidate intervals of expressions in a long video, from the motion of the face over time.

A face that shows an expression at time t differs from the faces k frames before and k frames after it, while
these two are alike. The contrast of t at the scale k is the smaller of the first two differences minus the
difference between the two. It is bounded by how much farther than both of them the face is from rest, for the
face at rest between two expressions differs from both as well. The score of t is that of its best scale, in
units of what the video shows all the time: people and cameras differ in that more than in their expressions.

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
_REST_SECONDS = 20.0  # around a sample, whose median is the face at rest
_REST_INTERVAL = 0.3  # seconds between two medians; between them it is interpolated
_MOST = 1e3  # score, where nothing else moves at all
_OVERLAP = 0.2  # candidates that overlap by this share of the shorter one are the same expression


@dataclass(frozen=True)
class Candidate:
    """An interval in which an expression may lie.

    Attributes:
        first, apex, last: indices of samples; `last` is part of the interval.
        score: contrast to the time before and after, as a multiple of the median change over the shortest
            scale.
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
    reaches = sorted({max(2, round(scale * rate)) for scale in SCALES})
    if len(signal) <= 2 * reaches[0]:
        return []
    smooth = gaussian_filter1d(signal.astype(np.float32), _SMOOTHED * rate, axis=0, mode="nearest")
    smooth = equalized(smooth, reaches[0])
    departure = _distance(smooth, resting(smooth, rate))
    scores = np.stack(
        [np.minimum(contrast(smooth, reach), prominence(departure, reach)) for reach in reaches]
    )
    usual = float(np.median(_distance(smooth[: -2 * reaches[0]], smooth[2 * reaches[0] :])))
    scores /= max(usual, scores.max() / _MOST, 1e-12)
    best = scores.max(axis=0)
    peaks, _ = find_peaks(np.concatenate([[0], best, [0]]), height=1e-6)
    found = []
    for peak in (peaks - 1).tolist():
        scale = int(np.argmax(scores[:, peak] >= _ENOUGH * best[peak]))
        first, last = extent(smooth, peak, reaches[scale])
        found.append(Candidate(first, peak, last, float(best[peak])))
    return _without_overlaps(found)


def equalized(signal: np.ndarray, lag: int) -> np.ndarray:
    """Divide each cell by its noise, so that cells that are never still do not hide the others.

    Args:
        signal: state of the face at each time, float32 [T, N], pairs (x, y) of cells.
        lag: samples over which the noise, a median change, is measured.

    Returns:
        float32 [T, N], in the signal's unit: the factors are 1 for a cell of average noise, sqrt(2) at most.
    """
    noise = np.median(_distances(signal[:-lag], signal[lag:]), axis=0)
    typical = float(np.median(noise))
    if typical == 0:
        return signal
    relative = np.sqrt((np.square(noise / typical) + 1) / 2)
    return signal / np.repeat(relative, 2).astype(np.float32)


def resting(signal: np.ndarray, rate: float) -> np.ndarray:
    """Return the resting face at each time, float32 [T, N]: the median of the time around it.

    Args:
        signal: state of the face at each time, float32 [T, N].
        rate: samples per second.
    """
    half, step = round(_REST_SECONDS * rate / 2), max(1, round(_REST_INTERVAL * rate))
    centres = np.minimum(np.arange(0, len(signal) + step, step), len(signal) - 1)
    medians = np.stack([np.median(signal[max(0, k - half) : k + half + 1], axis=0) for k in centres])
    position = np.arange(len(signal)) / step
    before = position.astype(int)
    share = (position - before)[:, None].astype(np.float32)
    return (1 - share) * medians[before] + share * medians[before + 1]


def prominence(departure: np.ndarray, reach: int) -> np.ndarray:
    """Return how much farther the face is from rest than `reach` samples before and after: float [T].

    Args:
        departure: distance from the resting face at each time, float [T].
        reach: number of samples. Beyond its ends, the departure keeps its first or last value.
    """
    padded = np.pad(departure, reach, mode="edge")
    return departure - np.maximum(padded[: len(departure)], padded[2 * reach :])


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
    return _distances(a, b).mean(axis=-1)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the displacement of each cell between two states: float [T, N / 2]."""
    return np.sqrt(np.square((a - b).reshape(len(a), -1, 2)).sum(axis=-1))
