"""From the motion of a face over a long video to intervals in which an expression may have come and gone.

A face that shows an expression at t differs from itself k frames before and k frames after, while these two
do not differ from each other. The smaller of the first two differences, less the third, is the score of t at
the scale k; the score of t is that of its best scale.

Reference:
    Moilanen, Zhao, Pietikainen, "Spotting Rapid Facial Movements from Videos Using Appearance-Based Feature
    Difference Analysis", ICPR 2014, for one scale, on texture.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

#: Half-lengths of an expression that are tried, seconds; its rise and fall may differ.
SCALES = tuple(np.geomspace(0.1, 1.6, 13).tolist())

_SMOOTHED = 0.03  # seconds, standard deviation: what is faster is noise of the camera
_ENOUGH = 0.6  # share of the best score from which on a smaller scale is taken
_LEVELS = (0.25, 0.75)  # shares of the apex by which rise and fall are measured
# A movement whose speed is smooth, t^2 (3 - 2t), reaches these shares at these parts of its time.
_TIMES = (0.326, 0.674)
_OVERLAP = 0.2  # intersection over union from which on two candidates are of one expression


@dataclass(frozen=True)
class Candidate:
    """An interval in which an expression may lie.

    Attributes:
        first, apex, last: samples of the signal, `last` included.
        score: how much it stands out, in units of the signal.
    """

    first: int
    apex: int
    last: int
    score: float


def find_candidates(signal: np.ndarray, rate: float) -> list[Candidate]:
    """Find intervals in which a signal goes away from where it is and comes back.

    Args:
        signal: float32 [T, N], state of the face at each time, such as displacements of its parts.
        rate: samples per second.

    Returns:
        Candidates in the order of time, the better one where two overlap. Nothing is cut off by score:
        whoever spots chooses a threshold.
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
        signal: float32 [T, N].
        reach: samples before and after; beyond the ends the signal stays what it is there.
    """
    padded = np.pad(signal, ((reach, reach), (0, 0)), mode="edge")
    before, after = padded[: len(signal)], padded[2 * reach :]
    away = np.minimum(_distance(signal, before), _distance(signal, after))
    return np.maximum(away - _distance(before, after), 0)


def extent(signal: np.ndarray, apex: int, reach: int) -> tuple[int, int]:
    """Return first and last sample of the expression that has its apex at a sample.

    The level is the signal's component along the way from the neutral face (the mean of the samples `reach`
    before and after) to the apex.
    """
    low, high = max(0, apex - 2 * reach), min(len(signal) - 1, apex + 2 * reach)
    neutral = (signal[max(0, apex - reach)] + signal[min(len(signal) - 1, apex + reach)]) / 2
    way = signal[apex] - neutral
    level = (signal[low : high + 1] - neutral) @ way / max(float(way @ way), 1e-12)
    before, after = level[: apex - low + 1][::-1], level[apex - low :]
    return max(low, apex - _duration(before)), min(high, apex + _duration(after))


def _duration(level: np.ndarray) -> int:
    """Return how many samples a movement takes that leaves the apex at the first of these levels."""
    outer, inner = (_crossing(level, share) for share in _LEVELS)
    slope = (outer - inner) / (_TIMES[1] - _TIMES[0])
    return max(1, round(outer + _TIMES[0] * max(slope, 0)))


def _crossing(level: np.ndarray, share: float) -> float:
    """Return where the level first falls below a share, between samples; the last sample if it never does."""
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
    """Mean length of the displacement between two states, pairs (x, y) of cells: float [T]."""
    difference = (a - b).reshape(len(a), -1, 2)
    return np.sqrt(np.square(difference).sum(axis=-1)).mean(axis=-1)
