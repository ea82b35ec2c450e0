"""When an expression happens: its apex in a short clip, intervals of micro-expressions in a long one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh, find_face
from pipelines.micro_expressions.alignment import align, align_like, alignment
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.strength import motion_strength

#: Frames that are looked at between onset and offset; the expression is smooth in between.
MOST_FRAMES = 24

_HIT = 0.5  # intersection over union from which on an interval is found (MEGC 2019)
_HELD = 0.8  # share of the highest motion from which on an expression counts as held
_SMOOTHED = 0.06  # share of a clip's length over which its motion is smoothed, a standard deviation
_MUCH = 0.5  # share from which on motion counts beside other motion
_PEAK = 0.3  # share of the way from the mean contrast to the largest that a peak reaches (Moilanen's tau)
_LEAST = 0.1  # pixels of an aligned crop: less is no movement that an estimate of flow can tell


@dataclass(frozen=True)
class Apex:
    """Where the face differs most from the first frame.

    Attributes:
        frame: its index among the frames that were given.
        frames: those that were looked at.
        strengths: how far the face had moved in each of them, pixels of an aligned crop; without drift, see
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
        estimate: of the flow.
        face_mesh: that looks for the face.
        name: of the clip, for messages.
        most_frames: how many are looked at, evenly spread.

    Raises:
        InputError: if there is one frame only, or no face in a frame that is looked at.
    """
    if len(frames) < 2:
        raise InputError(f"{name}: a clip of one frame has no apex")
    face = find_face(face_mesh, frames[0], f"{name}, frame 0")
    onset = align(frames[0], alignment(face.landmarks))
    looked_at = np.unique(
        np.linspace(1, len(frames) - 1, min(most_frames, len(frames) - 1)).round().astype(int)
    )
    flows = []
    for k in looked_at:
        found = find_face(face_mesh, frames[k], f"{name}, frame {k}", same_as=face)
        flows.append(estimate(onset, align_like(frames[k], found.landmarks, face.landmarks)))
    strengths = strengths_of(np.stack(flows).astype(np.float32), looked_at / looked_at[-1])
    best = looked_at[apex_of(strengths)]
    return Apex(int(best), tuple(looked_at.tolist()), tuple(strengths.tolist()))


def strengths_of(flows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return how far the face had moved by itself, beyond what it drifts from the first frame to the last.

    A head that turns slowly leaves more in the flow than a micro-expression is worth, and most at the end,
    where the face is neutral again. That grows evenly, so it can be taken off. It is not where the end is
    little beside the most; nor where little is left then, for an expression came and stays.

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
    """Return the index of the apex: the middle of the time around the highest point that is nearly as high.

    An expression that is held has no highest point but by chance.

    Args:
        strengths: float [T], motion against the onset.
    """
    smooth = gaussian_filter1d(strengths, len(strengths) * _SMOOTHED, mode="nearest")
    top = int(np.argmax(smooth))
    low = np.flatnonzero(smooth < _HELD * smooth[top])
    first = low[low < top].max(initial=-1) + 1
    last = low[low > top].min(initial=len(smooth)) - 1
    return int((first + last) // 2)


def aligned_clip(frames: Iterable[np.ndarray], face_mesh: FaceMesh) -> list[np.ndarray]:
    """Cut the face out of every frame of a clip, everywhere as in the first, so that motion stays what it is.

    Args:
        frames: uint8 [H, W, 3] RGB each; taken one by one, so that a long clip need not fit into memory.
        face_mesh: that looks for the face.

    Returns:
        uint8 [224, 224, 3] each.

    Raises:
        InputError: if the first frame has no face.
    """
    crops, similarity = [], None
    for frame in frames:
        if similarity is None:
            similarity = alignment(find_face(face_mesh, frame, "frame 0").landmarks)
        crops.append(align(frame, similarity))
    return crops


def contrast(crops: Sequence[np.ndarray], reach: int, estimate: Estimate) -> np.ndarray:
    """Return how much each frame of a long clip stands out against those `reach` frames before and after it.

    A micro-expression comes and goes within twice the reach: its apex differs from both frames, and they do
    not from each other. So the smaller of the two motions counts, less the motion from the frame before to
    the frame after, which is larger where an expression comes and stays, or a face drifts.

    Args:
        crops: of an `aligned_clip`.
        reach: frames; half of a usual micro-expression, about a quarter of a second.
        estimate: of the flow.

    Returns:
        float [T], pixels of an aligned crop; 0 within `reach` of an end.

    Raises:
        InputError: for a clip of fewer than 2 reach + 1 frames.

    References:
        Moilanen, Zhao, Pietikainen, "Spotting Rapid Facial Movements from Videos Using Appearance-Based
        Feature Difference Analysis", ICPR 2014, who contrast a frame's texture with the same two.
    """
    if len(crops) < 2 * reach + 1:
        raise InputError(f"too short to spot in: frames {len(crops)}, at least {2 * reach + 1}")

    def moved(apart: int) -> np.ndarray:
        pairs = zip(crops[:-apart], crops[apart:], strict=True)
        flows = (estimate(crop1, crop2)[None].astype(np.float32) for crop1, crop2 in pairs)
        return np.array([float(motion_strength(flow)[0]) for flow in flows])

    steps = moved(reach)
    standing_out = np.zeros(len(crops))
    standing_out[reach : len(crops) - reach] = np.maximum(
        np.minimum(steps[:-reach], steps[reach:]) - moved(2 * reach), 0
    )
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
    threshold = max(smooth.mean() + _PEAK * (smooth.max() - smooth.mean()), _LEAST)
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
