"""Contrast of each frame of a long clip with those before and after it, computed while the clip is streamed.

The face is followed by its landmarks and cut out in the same way as long as the head stays where it is, so
that motion stays what it is. Where there is no face, and at a cut, a stretch ends and another begins; frames
are compared within a stretch only. Half a second of aligned crops is held, whatever the length of the clip.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from pipelines.errors import InputError
from pipelines.image.shots import CutDetector
from pipelines.landmarks.detector import FaceMesh
from pipelines.landmarks.head_motion import STABLE
from pipelines.micro_expressions.alignment import FAR, align, alignment
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.strength import motion_strength

_SAMPLES_IN_REACH = 3  # frames between the two of a comparison; contrast is smooth in time
_BATCH = 16  # flows whose strength is computed together, which takes a tenth of the time


@dataclass
class ClipContrast:
    """Contrast of the frames of a clip.

    Attributes:
        values: float [T], contrast of each frame in pixels of an aligned crop; NaN where there is no face.
        stretches: (first, last) frame of each stretch of one shot with a face, ends included.
        similarities: float64 [2, 3] for each frame that was looked at: from the frame to its aligned crop.
    """

    values: np.ndarray
    stretches: list[tuple[int, int]]
    similarities: dict[int, np.ndarray]

    @property
    def without_face(self) -> list[tuple[int, int]]:
        """(first, last) frame of each part of the clip without a face."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], np.isnan(self.values), [0]])))
        return [(int(begin), int(end) - 1) for begin, end in edges.reshape(-1, 2)]

    def similarity(self, frame: int) -> np.ndarray:
        """Return the similarity by which a frame is cut, that of the last frame looked at before it."""
        return self.similarities[max(k for k in self.similarities if k <= frame)]


def clip_contrast(
    frames: Iterable[np.ndarray],
    reach: int,
    estimate: Estimate,
    face_mesh: FaceMesh,
    progress: Callable[[int], None] = lambda done: None,
) -> ClipContrast:
    """Compute the contrast of each frame of a clip with those `reach` frames before and after it.

    A micro-expression comes and goes within twice the reach: its apex differs from both frames, and they do
    not from each other. So the smaller of the two motions counts, less the motion from the frame before to
    the frame after, which is larger where an expression comes and stays, or a face drifts.

    Args:
        frames: uint8 [H, W, 3], RGB, in order; one is held at a time.
        reach: half the length of a usual micro-expression, frames; about a quarter of a second. A third of it
            lies between two frames that are looked at; in between, contrast is interpolated.
        estimate: function that estimates the flow of two frames.
        face_mesh: detector of the face, which tracks.
        progress: called with the number of frames done.

    Returns:
        Contrast of each frame; 0 within `reach` of the ends of a stretch.

    Raises:
        InputError: for a clip of fewer than 2 reach + 1 frames, or without a face.

    References:
        Moilanen, Zhao, Pietikainen, "Spotting Rapid Facial Movements from Videos Using Appearance-Based
        Feature Difference Analysis", ICPR 2014, who contrast a frame's texture with the same two.
    """
    stride = max(1, reach // _SAMPLES_IN_REACH)
    steps = max(1, round(reach / stride))
    is_cut, count = CutDetector(), 0
    stretches: list[_Stretch] = []
    ended = True  # no stretch is being added to
    similarities: dict[int, np.ndarray] = {}
    for number, frame in enumerate(frames):
        count = number + 1
        progress(count)
        if number % stride:
            continue
        cut = is_cut(frame)
        if cut:
            face_mesh.reset()
        face = face_mesh(frame, stretches[-1].landmarks if stretches and not (cut or ended) else None)
        if stretches and (cut or face is None):
            stretches[-1].finish()
        if face is not None:
            if cut or ended:
                stretches.append(_Stretch(number, steps, estimate))
            similarities[number] = stretches[-1].add(frame, face.landmarks)
        ended = face is None
    if stretches:
        stretches[-1].finish()
    if count < 2 * reach + 1:
        raise InputError(f"too short to spot in: frames {count}, at least {2 * reach + 1}")
    if not stretches:
        raise InputError("no face found in any frame")
    values, extents = np.full(count, np.nan), []
    for stretch in stretches:
        looked_at = stretch.first + stride * np.arange(stretch.length)
        last = min(int(looked_at[-1]) + stride - 1, count - 1)
        values[stretch.first : last + 1] = np.interp(
            np.arange(stretch.first, last + 1), looked_at, stretch.contrast()
        )
        extents.append((stretch.first, last))
    return ClipContrast(values, extents, similarities)


@dataclass
class _Stretch:
    """Part of a clip in one shot and with a face: the motions between its frames.

    Attributes:
        first: number of its first frame.
        steps: frames that are looked at within a reach.
        estimate: function that estimates the flow of two frames.
        length: number of frames that were added.
        landmarks: float32 [478, 2] of the last frame.
    """

    first: int
    steps: int
    estimate: Estimate
    length: int = 0
    landmarks: np.ndarray | None = None
    _anchor: np.ndarray | None = None  # landmarks of the frame by which crops are aligned
    _similarity: np.ndarray | None = None
    _crops: deque[np.ndarray] = field(default_factory=deque)
    _flows: list[np.ndarray] = field(default_factory=list)
    _strengths: list[float] = field(default_factory=list)

    def add(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Add a frame; returns the similarity by which it was cut."""
        self.landmarks = landmarks
        if self._anchor is None or self._has_moved_far(landmarks):
            self._anchor, self._similarity = landmarks, alignment(landmarks)
        crop = align(frame, self._similarity)
        # From the frame one reach before, and two.
        for apart in (self.steps, 2 * self.steps):
            if self.length >= apart:
                self._flows.append(self.estimate(self._crops[-apart], crop))
        self._crops.append(crop)
        if len(self._crops) > 2 * self.steps:
            self._crops.popleft()
        self.length += 1
        if len(self._flows) >= _BATCH:
            self._measure()
        return self._similarity

    def finish(self) -> None:
        """Let go of the crops: no frame will be added."""
        self._measure()
        self._crops.clear()

    def contrast(self) -> np.ndarray:
        """Return the contrast of each frame of a finished stretch, float [length]."""
        steps, length = self.steps, self.length
        contrast = np.zeros(length)
        strengths = iter(self._strengths)
        one, two = np.zeros(length), np.zeros(length)
        for k in range(steps, length):
            one[k] = next(strengths)
            if k >= 2 * steps:
                two[k] = next(strengths)
        middle = np.arange(steps, length - steps)
        if len(middle):
            standing_out = np.minimum(one[middle], one[middle + steps]) - two[middle + steps]
            contrast[middle] = np.maximum(standing_out, 0)
        return contrast

    def _has_moved_far(self, landmarks: np.ndarray) -> bool:
        motion = (landmarks - self._anchor)[STABLE] @ self._similarity[:, :2].T
        return bool(np.linalg.norm(motion, axis=-1).mean() > FAR)

    def _measure(self) -> None:
        if self._flows:
            strengths = motion_strength(np.stack(self._flows).astype(np.float32)).numpy()
            self._strengths += strengths.tolist()
            self._flows.clear()
