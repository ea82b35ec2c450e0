"""Expressions in a clip, with onset, apex and offset, from the motion of its regions over time."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, peak_widths

from pipelines.clip_analysis.even_times import EvenMotion, at_constant_rate
from pipelines.clip_analysis.interval_candidates import extent

#: Seconds from onset to offset up to which an expression is a micro-expression (Yan et al. 2013).
LONGEST_MICRO = 0.5

_MOST_SECONDS = 8.0  # longest time from a face at rest to the apex of a macro-expression
# Standard deviation of the smoothing of the speed; smallest speed, in apex heights per second.
_SPEED_SECONDS, _LEAST_SPEED = 0.1, 0.8
_SMOOTHED_SECONDS = 0.04  # standard deviation
# Half-lengths of micro-expressions to try. The shortest one with this share of the best score is used.
_REACHES_SECONDS, _ENOUGH = (0.12, 0.16, 0.2, 0.26, 0.32), 0.6
# Smallest contrast of a micro-expression and motion of a macro-expression, pixels of the 224 x 224 crop.
_LEAST_MICRO, _LEAST_MACRO = 0.09, 1.0
_TIMES_JITTER = 8.0  # smallest contrast of a micro-expression, in multiples of the median jitter
_TIMES_NOISE = 5.0  # smallest motion of a macro-expression, in multiples of the median change per frame
# Largest head motion during an expression: in pixels, or in multiples of the peak if that is more. Chosen on
# rendered development clips with an expression during a turn, and with a turn alone.
_LEAST_TURN, _TURN_PER_PEAK = {"micro": 0.5, "macro": 1.0}, 5.0
# An expression is held while its motion is above this share of its height. Faces rise faster than they
# fall: a lower share would put the apex too late.
_HELD = 0.9
_FOOT = 0.25  # share of its height at which an expression begins and ends
_REST = 0.5  # a moment with less of the motion both before and after it is a pause of this motion
_AT_REST = 0.1  # quantile of the motion at which the face is at rest, also if the reference frame is not
_STRONGEST = 3  # number of regions whose motion counts
# Movements with a shorter pause between them are one event, as in speech, if the smaller peak is at least
# this share of the larger one. A micro-expression before or after speech is much smaller.
_PAUSE_SECONDS, _ALIKE = 0.25, 0.3


@dataclass(frozen=True)
class FoundEvent:
    """An event in a clip.

    Attributes:
        kind: micro or macro (by the duration of the movement), or blink.
        onset: number of the first frame.
        apex: number of the frame with the largest motion; of a macro-expression that is held, the centroid.
        offset: number of the last frame. Onset and offset of a macro-expression are at a quarter of its
            height, so that about two thirds of the movement lie between them.
        peak: height of the motion, pixels of the 224 x 224 crop: for a micro-expression, at the apex
            relative to the frames before and after; for a macro-expression, its largest value above the
            motion before and after. Of joined movements, that of the largest. For a blink, the share by which
            the eyes close.
        region: region that moves most.
        label: class of a micro-expression; empty if it was not classified.
        probability: calibrated probability of that class; NaN if it was not classified, or if a classifier of
            Action Units finds none.
    """

    kind: str
    onset: int
    apex: int
    offset: int
    peak: float
    region: str
    label: str = ""
    probability: float = float("nan")

    @property
    def answer(self) -> str:
        """The class with its probability, such as `positive 87%`; empty if there is none."""
        return self.label if math.isnan(self.probability) else f"{self.label} {self.probability:.0%}"


def expression_events(motion: np.ndarray, names: tuple[str, ...], times: np.ndarray) -> list[FoundEvent]:
    """Find the expressions of a clip.

    Args:
        motion: mean motion (u, v) of each region relative to the head, float [T, R, 2], pixels of the 224 x
            224 crop; NaN where unknown. Leave out the eyes, because a blink is not an expression.
        names: names of the regions.
        times: time of each frame, float [T], seconds.

    Returns:
        Micro- and macro-expressions, in the order of their onsets.
    """
    if len(motion) < 3:
        return []
    known = np.isfinite(motion).all(axis=-1).any(axis=1)
    even = at_constant_rate(np.where(known[:, None, None], motion, np.nan), times)
    deviation = max(_SMOOTHED_SECONDS / even.step, 0.5)
    even = replace(even, values=gaussian_filter1d(even.values, deviation, axis=0, mode="nearest"))
    found = [*_micro_expressions(even, names), *_macro_expressions(even, names)]
    found = [_in_frames(one, even, known) for one in found]
    short, long = ([one for one in found if one.kind == kind] for kind in ("micro", "macro"))
    # A short macro-expression around a micro-expression is the same event, and counts as the latter.
    long = [
        event
        for event in long
        if times[event.offset] - times[event.onset] > LONGEST_MICRO
        or all(not event.onset <= other.apex <= event.offset for other in short)
    ]
    short = [event for event in short if all(not other.onset <= event.apex <= other.offset for other in long)]
    heights = np.interp(
        np.arange(len(times)), even.positions, _strongest(np.linalg.norm(even.values, axis=-1))
    )
    return _apart(_joined(sorted([*short, *long], key=lambda event: event.onset), times, heights))


def _in_frames(event: FoundEvent, even: EvenMotion, known: np.ndarray) -> FoundEvent:
    """Return an event, found among evenly spaced samples, with the numbers of its frames."""
    onset, apex, offset = even.frames(event.onset, event.apex, event.offset, known)
    return replace(event, onset=onset, apex=apex, offset=offset)


def _micro_expressions(even: EvenMotion, names: tuple[str, ...]) -> list[FoundEvent]:
    """Find motion that rises and falls within half a second; frames of the events are samples.

    At the apex, the face differs from the mean of the faces shortly before and after. These two differ less
    from each other. A steady drift or turn of the head therefore has no score.
    """
    motion, step = even.values, even.step
    reaches = sorted({max(2, round(seconds / step)) for seconds in _REACHES_SECONDS})
    scores = np.stack([_standing_out(motion, reach) for reach in reaches])
    best = scores.max(axis=0)
    # Changes of direction from frame to frame are noise of the camera and of the estimator.
    noise = _strongest(np.linalg.norm(motion[1:-1] - (motion[:-2] + motion[2:]) / 2, axis=-1))
    least = max(_LEAST_MICRO, _TIMES_JITTER * float(np.median(noise)))
    tops, _ = find_peaks(np.concatenate([[0], best, [0]]), height=least)
    flat, last = motion.reshape(len(motion), -1), len(motion) - 1
    heights = _strongest(np.linalg.norm(motion, axis=-1))
    found: list[FoundEvent] = []
    for apex in sorted((tops - 1).tolist(), key=lambda frame: -best[frame]):
        reach = reaches[int(np.argmax(scores[:, apex] >= _ENOUGH * best[apex]))]
        first, end = extent(flat, apex, reach)
        # At an end of the clip, or where the face is not seen, rise or fall is not visible.
        if apex in (0, last) or not even.seen[first : end + 1].all():
            continue
        if (end - first) * step > LONGEST_MICRO:
            continue
        # In speech, the moment at which the mouth closes stands out, too.
        around = min(heights[max(apex - reach, 0)], heights[min(apex + reach, last)])
        if around > _LEAST_MACRO and heights[apex] < _REST * around:
            continue
        if all(end < other.onset or first > other.offset for other in found):
            away = motion[apex] - (motion[max(apex - reach, 0)] + motion[min(apex + reach, last)]) / 2
            lengths = np.linalg.norm(away, axis=-1)
            name = names[int(np.argmax(lengths))]
            found.append(FoundEvent("micro", first, apex, end, _strongest(lengths), name))
    return found


def _standing_out(motion: np.ndarray, reach: int) -> np.ndarray:
    padded = np.pad(motion, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    before, after = padded[: len(motion)], padded[2 * reach :]
    away, apart = motion - (before + after) / 2, after - before
    return _strongest(np.linalg.norm(away, axis=-1)) - _strongest(np.linalg.norm(apart, axis=-1))


def _strongest(lengths: np.ndarray) -> np.ndarray:
    """Return the root mean square of the largest lengths along the last axis."""
    return np.sqrt(np.square(np.sort(lengths, axis=-1)[..., -_STRONGEST:]).mean(axis=-1))


def _macro_expressions(even: EvenMotion, names: tuple[str, ...]) -> list[FoundEvent]:
    """Find motion that rises and falls in more than about half a second; frames of the events are samples."""
    step, seen = even.step, even.seen
    lengths = np.linalg.norm(even.values, axis=-1)
    strength = _strongest(lengths)
    speed = np.abs(np.gradient(gaussian_filter1d(strength, max(_SPEED_SECONDS / step, 0.5)), step))
    # An expression ends where the face is not seen.
    strength = np.where(seen, strength, strength[seen].min() if seen.any() else 0)
    threshold = max(_LEAST_MACRO, _TIMES_NOISE * float(np.median(np.abs(np.diff(strength)))))
    found = []
    for first, last, apex, height in _peaks(strength, threshold, round(_MOST_SECONDS / step)):
        # The residual of a turn of the head rises and falls slowly.
        slow = speed[first : last + 1].max() < _LEAST_SPEED * height
        # Two thirds of the duration of a smooth movement lie above a quarter of its height.
        if not slow and (last - first) * step > 2 / 3 * LONGEST_MICRO:
            region = names[int(np.argmax(lengths[apex]))]
            found.append(FoundEvent("macro", first, apex, last, height, region))
    return found


def _joined(events: list[FoundEvent], times: np.ndarray, heights: np.ndarray) -> list[FoundEvent]:
    """Join movements that follow each other without a pause, as in speech, into one event.

    Args:
        events: movements, in the order of their onsets.
        times: time of each frame, float [T], seconds.
        heights: motion of each frame relative to the reference frame, float [T], pixels.
    """
    joined: list[FoundEvent] = []
    for event in events:
        before = joined[-1] if joined else None
        smaller, larger = sorted([before or event, event], key=lambda one: one.peak)
        follows = before is not None and times[event.onset] - times[before.offset] < _PAUSE_SECONDS
        if follows and smaller.peak >= _ALIKE * larger.peak:
            last = max(before.offset, event.offset)
            kind = "macro" if times[last] - times[before.onset] > LONGEST_MICRO else "micro"
            top = max(before, event, key=lambda one: heights[one.apex])
            joined[-1] = FoundEvent(kind, before.onset, top.apex, last, larger.peak, top.region)
        else:
            joined.append(event)
    return joined


def _apart(events: list[FoundEvent]) -> list[FoundEvent]:
    """Let no event reach over another of its kind: one that was joined may have grown over the next."""
    ends: dict[str, int] = {}
    kept = []
    for event in events:
        end = ends.get(event.kind, 0)
        if event.apex >= end:
            kept.append(replace(event, onset=max(event.onset, end)))
            ends[event.kind] = event.offset
    return kept


def without_turns(events: list[FoundEvent], head: np.ndarray) -> list[FoundEvent]:
    """Leave out expressions that may be the residual of a head motion, because the head moves far meanwhile.

    Args:
        events: micro- and macro-expressions of a clip.
        head: motion of the head, float [T, 2], pixels of the 224 x 224 crop; NaN where unknown.
    """
    kept = []
    for event in events:
        if _turn(head[event.onset : event.offset + 1], event.kind) <= max(
            _LEAST_TURN[event.kind], _TURN_PER_PEAK * event.peak
        ):
            kept.append(event)
    return kept


def _turn(path: np.ndarray, kind: str) -> float:
    """Return how far the head moves during an expression, pixels; 0 where its motion is unknown.

    For a micro-expression, this is the largest distance from the straight way from onset to offset, because
    its score ignores motion that goes on in one direction.
    """
    path = path[np.isfinite(path).all(axis=-1)]
    if not len(path):
        return 0.0
    if kind == "macro":
        return float(np.linalg.norm(np.ptp(path, axis=0)))
    straight = np.linspace(path[0], path[-1], len(path))
    return float(np.linalg.norm(path - straight, axis=-1).max())


def _peaks(strength: np.ndarray, threshold: float, reach: int) -> list[tuple[int, int, int, float]]:
    """Return (first, last, apex, prominence) of each motion that rises and falls by more than a threshold."""
    # Padded by the face at rest, so that motion at the ends of the clip also rises and falls.
    padded = np.pad(strength, 1, constant_values=np.quantile(strength, _AT_REST))
    tops, about = find_peaks(padded, prominence=threshold, wlen=2 * reach + 1)
    bases = about["prominences"], about["left_bases"], about["right_bases"]
    _, _, begins, ends = peak_widths(padded, tops, rel_height=1 - _FOOT, prominence_data=bases)
    found: list[tuple[int, int, int, float]] = []
    last = len(strength) - 1
    for k in np.argsort(-bases[0]).tolist():
        begin, end = (int(np.clip(each, 0, last)) for each in (np.floor(begins[k]) - 1, np.ceil(ends[k]) - 1))
        if all(end <= other[0] or begin >= other[1] for other in found):
            height = float(bases[0][k])
            found.append((begin, end, _apex(strength, int(tops[k]) - 1, height), height))
    return sorted(found)


def _apex(strength: np.ndarray, top: int, height: float) -> int:
    """Return the centroid of what is nearly as high as the highest point, and around it.

    The highest point of an expression that is held is a matter of chance, and so is the middle of the frames
    above a threshold, if some lie just above it.
    """
    level = strength[top] - (1 - _HELD) * height
    low = np.flatnonzero(strength < level)
    first = low[low < top].max(initial=-1) + 1
    last = low[low > top].min(initial=len(strength)) - 1
    return round(float(np.average(np.arange(first, last + 1), weights=strength[first : last + 1] - level)))
