"""Blinks in a clip, from the opening of the eyes over time."""

import numpy as np

from pipelines.clip_analysis.clip_events import LONGEST_MICRO, FoundEvent
from pipelines.clip_analysis.even_times import at_constant_rate

# Opening of the eyes that a blink falls below. Behind glasses, Face Mesh may close the lids to .6 only.
_BLINK_BELOW = 0.65
# By which the eye that is more open may stay above that; in a wink, it does not close at all.
_EYES_DIFFER = 0.15
_FOOT = 0.25  # share of the closing at which a blink begins and ends


def blink_events(openings: np.ndarray, times: np.ndarray) -> list[FoundEvent]:
    """Find blinks: both eyes close and open again within half a second.

    Args:
        openings: opening of the right and the left eye relative to the reference frame, float [T, 2]; NaN
            without a face.
        times: time of each frame, float [T], seconds.
    """
    if len(openings) < 2 or not np.isfinite(openings).all(axis=1).any():
        return []
    both = np.maximum(openings.mean(axis=1), openings.max(axis=1) - _EYES_DIFFER)
    even = at_constant_rate(both, times)
    shut = 1 - even.values
    found = []
    for begin, end in _runs(even.seen):
        for first, last, apex in _humps(shut[begin:end], 1 - _BLINK_BELOW):
            frames = even.frames(begin + first, begin + apex, begin + last, np.isfinite(both))
            if times[frames[-1]] - times[frames[0]] <= LONGEST_MICRO:
                found.append(FoundEvent("blink", *frames, float(shut[begin + apex]), "eyes"))
    return found


def without_blinks(events: list[FoundEvent], blinks: list[FoundEvent]) -> list[FoundEvent]:
    """Leave out micro-expressions whose apex is in a blink, because a blink also moves brows and cheeks."""
    return [
        event
        for event in events
        if event.kind != "micro"
        or all(not blink.onset - 1 <= event.apex <= blink.offset + 1 for blink in blinks)
    ]


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, end) of each stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _humps(strength: np.ndarray, threshold: float) -> list[tuple[int, int, int]]:
    """Return (first, last, apex) of each run of values around one above the threshold.

    Runs that are above the threshold at an end are left out: their rise or fall was not seen.
    """
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
    final = len(strength) - 1
    return [
        (first, last, apex)
        for first, last, apex in humps
        if not (first == 0 and strength[0] > threshold) and not (last == final and strength[-1] > threshold)
    ]
