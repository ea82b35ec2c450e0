"""What rises and falls in a clip: onset, apex and offset, from the motion of its regions over time."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import find_peaks, peak_widths

#: Seconds from onset to offset up to which an expression is a micro-expression (Yan et al. 2013).
LONGEST_MICRO = 0.5

_REST_SECONDS = 2.0  # window of the median
_MOST_SECONDS = 8.0  # from a face at rest to the apex
_SPEED_SECONDS, _LEAST_SPEED = 0.1, 0.8  # standard deviation; share of the apex that it moves in a second
_SMOOTHED_SECONDS = 0.03  # standard deviation
_LEAST = {"micro": 0.6, "macro": 1.0}  # pixels of the 224 x 224 crop: less is no expression
_TIMES_NOISE = 5.0  # usual changes from frame to frame that an expression exceeds
_HELD = 0.8  # share of the highest motion from which on an expression counts as held
_FOOT = 0.25  # share of the apex at which an expression begins and ends
_STRONGEST = 3  # regions whose motion counts
_SHORTEST_SECONDS = 0.06  # from onset to offset


@dataclass(frozen=True)
class FoundEvent:
    """Something that happened in a clip.

    Attributes:
        kind: micro or macro (by duration), or blink.
        onset: number of the first frame.
        apex: number of the frame of the largest motion.
        offset: number of the last frame.
        peak: motion at the apex beyond that at rest, pixels of the 224 x 224 crop; of a blink the share by
            which the eyes close.
        region: that moves most.
        label: class of a micro-expression; empty if it was not classified.
        probability: calibrated probability of that class; NaN if it was not classified.
    """

    kind: str
    onset: int
    apex: int
    offset: int
    peak: float
    region: str
    label: str = ""
    probability: float = float("nan")


def expression_events(motion: np.ndarray, names: tuple[str, ...], times: np.ndarray) -> list[FoundEvent]:
    """Find the expressions of a clip.

    Args:
        motion: float [T, R, 2], mean motion (u, v) of each region against the head, pixels of the 224 x 224
            crop; NaN where it is not known. Regions of the eyes do not belong in: a blink is no expression.
        names: of the regions.
        times: float [T], seconds.

    Returns:
        Micro- and macro-expressions in order.
    """
    if len(motion) < 3:
        return []
    step = float(np.median(np.diff(times)))
    smooth = gaussian_filter1d(
        _without_gaps(motion), max(_SMOOTHED_SECONDS / step, 0.5), axis=0, mode="nearest"
    )
    # What is left of a head that turns adds to an expression or takes from it. A micro-expression is short
    # beside that, so that the median around it is the face without it; a macro-expression need not be.
    window = 2 * round(_REST_SECONDS / step / 2) + 1
    rest = median_filter(smooth, size=(min(window, 2 * len(smooth) - 1), 1, 1), mode="reflect")
    known = np.isfinite(motion).all(axis=-1).any(axis=1)
    short = _of_kind("micro", smooth - rest, known, names, times)
    long = _of_kind("macro", smooth, known, names, times)
    apart = [event for event in short if all(not other.onset <= event.apex <= other.offset for other in long)]
    return sorted([*apart, *long], key=lambda event: event.onset)


def _of_kind(
    kind: str, motion: np.ndarray, known: np.ndarray, names: tuple[str, ...], times: np.ndarray
) -> list[FoundEvent]:
    """Find the events of one kind."""
    step = float(np.median(np.diff(times)))
    lengths = np.linalg.norm(motion, axis=-1)
    strength = np.sqrt(np.square(np.sort(lengths, axis=1)[:, -_STRONGEST:]).mean(axis=1))
    strength = np.where(known, strength, strength[known].min() if known.any() else 0)
    threshold = max(_LEAST[kind], _TIMES_NOISE * float(np.median(np.abs(np.diff(strength)))))
    speed = np.abs(np.gradient(gaussian_filter1d(strength, max(_SPEED_SECONDS / step, 0.5)), step))
    found = []
    for first, last, apex, height in _peaks(strength, threshold, round(_MOST_SECONDS / step)):
        seconds = float(times[last] - times[first])
        # What a turn of the head leaves comes and goes slowly.
        slow = speed[first : last + 1].max() < _LEAST_SPEED * height
        # At an end of the clip it has not been seen to rise and fall.
        at_an_end = kind == "micro" and apex in (0, len(strength) - 1)
        other_kind = (seconds <= LONGEST_MICRO) != (kind == "micro")
        if slow or at_an_end or other_kind or seconds < _SHORTEST_SECONDS:
            continue
        region = names[int(np.argmax(lengths[apex]))]
        found.append(FoundEvent(kind, first, apex, last, height, region))
    return found


def _peaks(strength: np.ndarray, threshold: float, reach: int) -> list[tuple[int, int, int, float]]:
    """Return (first, last, apex, prominence) of what rises and falls by more than the threshold."""
    # What has begun before the clip, or goes on after it, rises and falls at its ends.
    padded = np.pad(strength, 1, constant_values=strength.min())
    tops, about = find_peaks(padded, prominence=threshold, wlen=2 * reach + 1)
    bases = about["prominences"], about["left_bases"], about["right_bases"]
    _, _, begins, ends = peak_widths(padded, tops, rel_height=1 - _FOOT, prominence_data=bases)
    found: list[tuple[int, int, int, float]] = []
    last = len(strength) - 1
    for k in np.argsort(-bases[0]).tolist():
        begin, end = (int(np.clip(each, 0, last)) for each in (np.floor(begins[k]) - 1, np.ceil(ends[k]) - 1))
        if all(end <= other[0] or begin >= other[1] for other in found):
            found.append((begin, end, _apex(strength, int(tops[k]) - 1), float(bases[0][k])))
    return sorted(found)


def _apex(strength: np.ndarray, top: int) -> int:
    """Return the middle of the time around the highest point that is nearly as high.

    An expression that is held has no highest point but by chance.
    """
    low = np.flatnonzero(strength < _HELD * strength[top])
    first = low[low < top].max(initial=-1) + 1
    last = low[low > top].min(initial=len(strength)) - 1
    return int((first + last) // 2)


def blink_events(openings: np.ndarray, times: np.ndarray, closed_below: float) -> list[FoundEvent]:
    """Find blinks: both eyes close and open again within half a second.

    Args:
        openings: float [T], of the eyes, 1 as at the reference; NaN where there is no face.
        times: float [T], seconds.
        closed_below: opening below which an eye is closed.
    """
    shut = 1 - np.where(np.isfinite(openings), openings, 1)
    found = []
    for first, last, apex in _humps(shut, 1 - closed_below):
        if times[last] - times[first] <= LONGEST_MICRO:
            found.append(FoundEvent("blink", first, apex, last, float(shut[apex]), "eyes"))
    return found


def _humps(strength: np.ndarray, threshold: float) -> list[tuple[int, int, int]]:
    """Return (first, last, apex) of every stretch around a value above the threshold."""
    humps = []
    number = 0
    while number < len(strength):
        if strength[number] <= threshold:
            number += 1
            continue
        end = number
        while end + 1 < len(strength) and strength[end + 1] > threshold:
            end += 1
        apex = number + int(np.argmax(strength[number : end + 1]))
        foot = _FOOT * strength[apex]
        first, last = number, end
        while first > 0 and strength[first - 1] > foot:
            first -= 1
        while last + 1 < len(strength) and strength[last + 1] > foot:
            last += 1
        if humps and first <= humps[-1][1]:
            before = humps.pop()
            first, last = before[0], max(last, before[1])
            apex = max(apex, before[2], key=lambda k: strength[k])
        humps.append((max(first - 1, 0), min(last + 1, len(strength) - 1), apex))
        number = last + 1
    return humps


def _without_gaps(motion: np.ndarray) -> np.ndarray:
    """Fill in what is not known by lines between what is; 0 in a region of which nothing is."""
    filled = motion.reshape(len(motion), -1).copy()
    frames = np.arange(len(motion))
    for column in filled.T:
        known = np.isfinite(column)
        column[:] = np.interp(frames, frames[known], column[known]) if known.any() else 0
    return filled.reshape(motion.shape)
