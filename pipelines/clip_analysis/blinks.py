"""Blinks in a clip, from the opening of the eyes over time."""

import warnings

import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import find_peaks, peak_widths

from pipelines.clip_analysis.clip_events import LONGEST_MICRO, FoundEvent
from pipelines.clip_analysis.even_times import at_constant_rate

# Opening of the eyes that a blink falls below, relative to open eyes. Behind glasses and in small faces, Face
# Mesh may close the lids to .6 or .7 only; thresholds from .65 to .75 find the same blinks in 14 real clips.
_BLINK_BELOW = 0.72
# By which the eye that is more open may stay above that; in a wink, it does not close at all.
_EYES_DIFFER = 0.15
_FOOT = 0.25  # share of the closing at which a blink begins and ends
_WIDEST = 1.25  # opening of open eyes, at most
_AROUND = 1.0  # seconds before and after a frame in which the eyes are usually open
_FALL = 0.75  # least rise and fall, in multiples of the threshold


def blink_events(openings: np.ndarray, times: np.ndarray) -> list[FoundEvent]:
    """Find blinks: both eyes close and open again within half a second.

    Args:
        openings: opening of the right and the left eye relative to the reference frame, float [T, 2]; NaN
            without a face.
        times: time of each frame, float [T], seconds.
    """
    if len(openings) < 2 or not np.isfinite(openings).all(axis=1).any():
        return []
    even = at_constant_rate(openings, times)
    eyes = even.values / _open_eyes(even.values, round(_AROUND / even.step))
    shut = 1 - np.maximum(eyes.mean(axis=1), eyes.max(axis=1) - _EYES_DIFFER)
    known, reach = np.isfinite(openings).all(axis=1), max(2, round(LONGEST_MICRO / even.step))
    found = []
    for begin, end in _runs(even.seen):
        for first, last, apex in _humps(shut[begin:end], 1 - _BLINK_BELOW, reach):
            frames = even.frames(begin + first, begin + apex, begin + last, known)
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


def _open_eyes(openings: np.ndarray, reach: int) -> np.ndarray:
    """Return the opening of eyes that are open, around each sample, float [N, 2].

    It is that of the reference frame, or the median around where that is larger: the eyes of the reference
    frame may be narrower, and those of a head that is turned are seen otherwise. Eyes that are still wider
    are surprised, and do not blink when they are as before.
    """
    around = median_filter(openings, size=(2 * reach + 1, 1), mode="nearest")
    return np.clip(around, 1, _WIDEST)


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, end) of each stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _humps(strength: np.ndarray, threshold: float, reach: int) -> list[tuple[int, int, int]]:
    """Return (first, last, apex) of each rise above a threshold and fall, within a reach on either side.

    A rise or fall is by at least three quarters of the threshold from what is around it: eyes that smile are
    less open than before. At the ends there is none, because it was not seen.
    """
    padded = np.pad(strength, 1, mode="edge")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of eyes that stay closed, which do not fall
        tops, about = find_peaks(padded, height=threshold, prominence=_FALL * threshold, wlen=2 * reach + 1)
    bases = about["prominences"], about["left_bases"], about["right_bases"]
    _, _, begins, ends = peak_widths(padded, tops, rel_height=1 - _FOOT, prominence_data=bases)
    edges = zip((np.floor(begins) - 1).astype(int).tolist(), np.ceil(ends).astype(int).tolist(), strict=True)
    humps = [
        (max(first, 0), min(last - 1, len(strength) - 1), top - 1)
        for (first, last), top in zip(edges, tops.tolist(), strict=True)
    ]
    kept: list[tuple[int, int, int]] = []
    for first, last, top in sorted(humps, key=lambda hump: -strength[hump[2]]):
        # One blink may have several tops.
        if all(last <= other[0] or first >= other[1] for other in kept):
            kept.append((first, last, top))
    return sorted(kept)
