"""Spotting: the apex of a short clip, the intervals of micro-expressions in a long one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh, find_face
from pipelines.micro_expressions.alignment import align, align_like, alignment
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.strength import motion_strength

#: Frames that are compared with the onset; the expression is smooth in between.
MOST_FRAMES = 24

_HIT = 0.5  # intersection over union from which on an interval is found (MEGC 2019)
_HELD = 0.8  # share of the highest motion from which on an expression counts as held
_SMOOTHED = 0.06  # share of a clip's length over which its motion is smoothed, a standard deviation
_MUCH = 0.5  # share of another motion from which on a motion counts
_PEAK = 0.3  # share of the way from the mean contrast to the largest that a peak reaches (Moilanen's tau)
_LEAST = 0.1  # pixels of an aligned crop: smaller contrast is within the error of the flow


@dataclass(frozen=True)
class Apex:
    """The frame in which the face differs most from the first one.

    Attributes:
        frame: index of the apex among the frames that were given.
        frames: indices of the frames that were compared with the first one.
        strengths: motion of the face in each of them, pixels of an aligned crop; without drift, see
            `strengths_of`.
    """

    frame: int
    frames: tuple[int, ...]
    strengths: tuple[float, ...]


def spot_apex(
    frames: Sequence[np.ndarray],
    estimate: Estimate,
    face_mesh: FaceMesh,
    name: str = "clip",
    most_frames: int = MOST_FRAMES,
) -> Apex:
    """Find the apex in a clip that starts with a neutral face.

    Args:
        frames: uint8 [H, W, 3] RGB each, the first is the onset.
        estimate: function that estimates the flow of two frames.
        face_mesh: detector of the face.
        name: name of the clip, for messages.
        most_frames: largest number of frames that are compared, evenly spread.

    Raises:
        InputError: if there is one frame only, no face in the first one, or none in all others. Other frames
            without a face are skipped.
    """
    if len(frames) < 2:
        raise InputError(f"{name}: a clip of one frame has no apex")
    face = find_face(face_mesh, frames[0], f"{name}, frame 0")
    onset = align(frames[0], alignment(face.landmarks))
    looked_at = np.unique(
        np.linspace(1, len(frames) - 1, min(most_frames, len(frames) - 1)).round().astype(int)
    )
    flows, with_face = [], []
    for k in looked_at:
        if found := face_mesh(frames[k], face.landmarks):
            flows.append(estimate(onset, align_like(frames[k], found.landmarks, face.landmarks)))
            with_face.append(k)
    if not with_face:
        raise InputError(f"{name}: no face found after the first frame")
    looked_at = np.array(with_face)
    strengths = strengths_of(np.stack(flows).astype(np.float32), looked_at / looked_at[-1])
    best = looked_at[apex_of(strengths)]
    return Apex(int(best), tuple(looked_at.tolist()), tuple(strengths.tolist()))


def strengths_of(flows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the motion of the face in each frame, without the linear drift from the first frame to the last.

    A head that turns slowly leaves a residual in the flow that is larger than a micro-expression, and largest
    at the end, where the face is neutral again. It grows linearly and is subtracted. It is not subtracted if
    the motion at the end is small compared with the largest, or if little remains: then an expression came
    and stays.

    Args:
        flows: float32 [T, 224, 224, 2], from an aligned first frame to later ones, in pixels.
        times: float [T], of those, from 0 for the first frame to 1 for the last.

    Returns:
        float [T], pixels of an aligned crop.
    """
    whole = motion_strength(flows).numpy()
    drift = times[:, None, None, None].astype(np.float32) * flows[-2:].mean(axis=0)
    beyond = motion_strength(flows - drift).numpy()
    drifts = whole[-1] >= _MUCH * whole.max() and beyond.max() >= _MUCH * whole[-1]
    return beyond if drifts else whole


def apex_of(strengths: np.ndarray) -> int:
    """Return the index of the apex: the middle of the frames around the maximum that are nearly as high.

    The maximum itself is arbitrary in an expression that is held.

    Args:
        strengths: float [T], motion against the onset.
    """
    smooth = gaussian_filter1d(strengths, len(strengths) * _SMOOTHED, mode="nearest")
    top = int(np.argmax(smooth))
    low = np.flatnonzero(smooth < _HELD * smooth[top])
    first = low[low < top].max(initial=-1) + 1
    last = low[low > top].min(initial=len(smooth)) - 1
    return int((first + last) // 2)


def spot_intervals(
    contrast: np.ndarray, reach: int, stretches: Sequence[tuple[int, int]] | None = None
) -> list[tuple[int, int, int]]:
    """Find the micro-expressions of a long clip.

    Args:
        contrast: float [T], pixels, as `clip_contrast` gives it; NaN where there is no face.
        reach: half the length of a usual micro-expression, frames.
        stretches: (first, last) frame of each part of one shot with a face; by default parts without NaN.

    Returns:
        (onset, apex, offset) frame of each, in order, within one stretch. The onset is before the apex.
    """
    has_face = np.isfinite(contrast)
    if not has_face.any():
        return []
    if stretches is None:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], has_face, [0]])))
        stretches = [(begin, end - 1) for begin, end in edges.reshape(-1, 2).tolist()]
    smooth = np.zeros(len(contrast))
    for first, last in stretches:
        part = slice(first, last + 1)
        smooth[part] = gaussian_filter1d(contrast[part], reach / 4, mode="nearest")
    mean, largest = smooth[has_face].mean(), smooth.max()
    peaks, _ = find_peaks(smooth, height=max(mean + _PEAK * (largest - mean), _LEAST), distance=reach)
    found = []
    for peak in peaks.tolist():
        first, last = next(each for each in stretches if each[0] <= peak <= each[1])
        if peak > first:
            found.append((max(first, peak - reach), peak, min(last, peak + reach)))
    return found


def interval_f1(found: Sequence[Sequence[int]], true: Sequence[Sequence[int]]) -> float:
    """Return F1 of intervals, of which one is found if its intersection over union is at least 0.5 (MEGC).

    Each true interval counts once. Without any true and any found interval it is 1.

    Args:
        found: (first, last) frame of each, both included; or (first, apex, last), as of `spot_intervals`.
        true: likewise.
    """
    found, left = ([(int(each[0]), int(each[-1])) for each in given] for given in (found, true))
    if not found and not left:
        return 1.0
    count, hits = len(found) + len(left), 0
    for interval in found:
        best = max(left, key=lambda other: overlap(interval, other), default=None)
        if best and overlap(interval, best) >= _HIT:
            left.remove(best)
            hits += 1
    return 2 * hits / count


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return intersection over union of two intervals of frames, ends included."""
    common = min(a[1], b[1]) - max(a[0], b[0]) + 1
    return max(0, common) / (a[1] - a[0] + b[1] - b[0] + 2 - max(0, common))
