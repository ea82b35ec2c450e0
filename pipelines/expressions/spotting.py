"""When an expression happens: its apex in a short clip, intervals of micro-expressions in a long one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from pipelines.errors import InputError
from pipelines.expressions.alignment import align, alignment
from pipelines.expressions.pair import Estimate
from pipelines.expressions.strength import expression_cells, mean_length, motion_strength
from pipelines.landmarks import FaceMesh, find_face

#: Frames that are looked at between onset and offset; the expression is smooth in between.
MOST_FRAMES = 12

_HIT = 0.5  # intersection over union from which on an interval is found (MEGC 2019)
_NOISE = 4.0  # standard deviations of the clip's quiet frames that a peak must stand out by
_LEAST = 0.15  # pixels of an aligned crop: less is no movement that an estimate of flow can tell


@dataclass(frozen=True)
class Apex:
    """Where the face differs most from the first frame.

    Attributes:
        frame: its index among the frames that were given.
        frames: those that were looked at.
        strengths: how far the face had moved in each of them, pixels of an aligned crop.
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
        estimate: of the flow.
        face_mesh: that looks for the face in the first frame.
        name: of the clip, for messages.
        most_frames: how many are looked at, evenly spread.

    Raises:
        InputError: if there is one frame only, or no face in the first.
    """
    if len(frames) < 2:
        raise InputError(f"{name}: a clip of one frame has no apex")
    similarity = alignment(find_face(face_mesh, frames[0], f"{name}, frame 0").landmarks)
    looked_at = np.unique(
        np.linspace(1, len(frames) - 1, min(most_frames, len(frames) - 1)).round().astype(int)
    )
    onset = align(frames[0], similarity)
    flows = (estimate(onset, align(frames[k], similarity)) for k in looked_at)
    strengths = np.array([float(motion_strength(flow[None].astype(np.float32))[0]) for flow in flows])
    best = looked_at[apex_of(strengths)]
    return Apex(int(best), tuple(looked_at.tolist()), tuple(strengths.tolist()))


def apex_of(strengths: np.ndarray) -> int:
    """Return the index of the highest point of a curve that is smoothed a little.

    Args:
        strengths: float [T], motion against the onset.
    """
    return int(np.argmax(gaussian_filter1d(strengths, 0.7, mode="nearest")))


def contrast(frames: Sequence[np.ndarray], reach: int, estimate: Estimate, face_mesh: FaceMesh) -> np.ndarray:
    """Return how much each frame of a long clip stands out against those `reach` frames before and after it.

    A micro-expression comes and goes within twice the reach: its apex differs from both frames, and they do
    not from each other. So the smaller of the two motions counts, less the motion that they add up to, which
    is all of it where an expression comes and stays, or a face drifts.

    Args:
        frames: uint8 [H, W, 3] RGB each.
        reach: frames; half of a usual micro-expression, about a quarter of a second.
        estimate: of the flow.
        face_mesh: that looks for the face.

    Returns:
        float [T], pixels of an aligned crop; 0 within `reach` of an end.

    References:
        Moilanen, Zhao, Pietikainen, "Spotting Rapid Facial Movements from Videos Using Appearance-Based
        Feature Difference Analysis", ICPR 2014, who contrast a frame's texture with the same two.
    """
    if len(frames) < 2 * reach + 1:
        raise InputError(f"{len(frames)} frames are too few to spot in: at least {2 * reach + 1}")
    similarity = alignment(find_face(face_mesh, frames[0], "frame 0").landmarks)
    crops = [align(frame, similarity) for frame in frames]
    motion = [
        expression_cells(estimate(crops[k], crops[k + reach])[None].astype(np.float32)).numpy()[0]
        for k in range(len(crops) - reach)
    ]
    before, after = np.stack(motion[:-reach]), np.stack(motion[reach:])
    smaller = np.minimum(mean_length(before), mean_length(after))
    standing_out = np.zeros(len(crops))
    standing_out[reach : len(crops) - reach] = np.maximum(smaller - mean_length(before + after), 0)
    return standing_out


def spot_intervals(contrasts: np.ndarray, reach: int) -> list[tuple[int, int]]:
    """Find the micro-expressions of a long clip.

    Args:
        contrasts: float [T], as `contrast` gives them.
        reach: as there.

    Returns:
        (first, last) frame of each, in order.
    """
    smooth = gaussian_filter1d(contrasts, reach / 4, mode="nearest")
    quiet = np.median(smooth)
    deviation = 1.4826 * np.median(np.abs(smooth - quiet))
    threshold = max(quiet + _NOISE * deviation, _LEAST)
    peaks, _ = find_peaks(smooth, height=threshold, distance=reach)
    last = len(contrasts) - 1
    return [(max(0, int(peak) - reach), min(last, int(peak) + reach)) for peak in peaks]


def interval_f1(found: Sequence[tuple[int, int]], true: Sequence[tuple[int, int]]) -> float:
    """Return F1 of intervals, of which one is found if intersection over union is at least a half.

    Each true one counts once. With nothing to find and nothing found it is 1.

    Args:
        found: (first, last) frame of each, both included.
        true: likewise.
    """
    if not found and not true:
        return 1.0
    left, hits = list(true), 0
    for interval in found:
        best = max(left, key=lambda other: overlap(interval, other), default=None)
        if best and overlap(interval, best) >= _HIT:
            left.remove(best)
            hits += 1
    return 2 * hits / (len(found) + len(true))


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return intersection over union of two intervals of frames, ends included."""
    common = min(a[1], b[1]) - max(a[0], b[0]) + 1
    return max(0, common) / (a[1] - a[0] + b[1] - b[0] + 2 - max(0, common))
