"""Spotting: the apex of a short clip that starts with a neutral face."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh, find_face
from pipelines.micro_expressions.alignment import align, align_like, alignment
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.strength import motion_strength

#: Frames that are compared with the onset; the expression is smooth in between.
MOST_FRAMES = 24

_HELD = 0.8  # share of the highest motion from which on an expression counts as held
_SMOOTHED = 0.06  # share of a clip's length over which its motion is smoothed, a standard deviation
_MUCH = 0.5  # share of another motion from which on a motion counts


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
