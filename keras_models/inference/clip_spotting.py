"""Micro-expressions of a long clip: intervals, apexes and classes."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_models.inference.expression_classifier import ExpressionClassifier, predicted_label
from keras_models.inference.expression_samples import SPOTTER, estimator
from keras_models.inference.recognition import probabilities
from pipelines.errors import InputError, naming
from pipelines.io.frame_times import frame_times
from pipelines.io.video import frame_rate, intact_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.alignment import align
from pipelines.micro_expressions.clip_contrast import ClipContrast, clip_contrast
from pipelines.micro_expressions.onset_apex import AlignedPair
from pipelines.micro_expressions.spotting import spot_intervals

_log = logging.getLogger("faceflow")


@dataclass(frozen=True)
class SpottedExpression:
    """A micro-expression that was found.

    Attributes:
        onset: frame number of the onset, counted from 0.
        apex: frame number of the largest contrast.
        offset: frame number of the offset.
        onset_s: time stamp of the onset, seconds from the first frame.
        apex_s: time stamp of the apex.
        offset_s: time stamp of the offset.
        expression: most probable class, or the Action Units that are present.
        probabilities: probability of each class or Action Unit.
    """

    onset: int
    apex: int
    offset: int
    onset_s: float
    apex_s: float
    offset_s: float
    expression: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class SpottedClip:
    """Micro-expressions of a clip.

    Attributes:
        expressions: the micro-expressions, in order.
        frames: number of frames of the clip.
        rate: frames per second, on average.
        without_face: (first, last) frame of each part that was left out, since no face is in it.
    """

    expressions: list[SpottedExpression]
    frames: int
    rate: float
    without_face: list[tuple[int, int]]


def spot_clip(
    clip: Path,
    classifier: ExpressionClassifier,
    max_duration: float = 0.5,
    rate: float | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> SpottedClip:
    """Find the micro-expressions of a clip and classify them.

    The clip is streamed, so memory does not grow with its length. Frames of the micro-expressions are read a
    second time, to be classified. Frames are compared at the average rate of the clip; where the rate varies,
    movements that take longer by their time stamps are left out.

    Args:
        clip: a video or a folder of pictures, of any length. Of a truncated video the intact frames count.
        classifier: classifier of the expressions.
        max_duration: longest duration of a micro-expression from onset to offset, seconds.
        rate: frames per second; by default measured by the video's time stamps, 25 for a folder.
        progress: called with the number of frames done.

    Raises:
        InputError: if the clip cannot be read, is shorter than `max_duration`, or has no face; if that is
            less than two frames.
    """
    given, rate = rate, frame_rate(clip) if rate is None else rate
    reach = round(max_duration * rate / 2) if 0 < max_duration * rate < np.inf else 0
    if reach < 1:
        raise InputError(f"{max_duration:g} seconds at {rate:g} frames a second are less than two frames")
    with FaceMesh(tracking=True) as face_mesh, naming(clip):
        contrast = clip_contrast(intact_frames(clip), reach, estimator(SPOTTER), face_mesh, progress)
    times = frame_times(clip, len(contrast.values), given)
    longest = max_duration + 1 / rate  # an interval is a whole number of frames
    spotted = spot_intervals(contrast.values, reach, contrast.stretches)
    intervals = [each for each in spotted if times[each[2]] - times[each[0]] <= longest]
    if len(intervals) < len(spotted):
        _log.warning(
            "%s: %d movements of more than %g seconds are left out, where frames are missing or the frame "
            "rate varies; `faceflow analyze` follows the time stamps",
            clip, len(spotted) - len(intervals), max_duration,
        )  # fmt: skip
    found = []
    for interval, pair in zip(intervals, _pairs(clip, contrast, intervals, classifier), strict=True):
        values, seconds = probabilities(pair, classifier), [round(float(times[k]), 4) for k in interval]
        label = predicted_label(values, classifier.is_binary)
        found.append(SpottedExpression(*interval, *seconds, label, values))
    return SpottedClip(found, len(contrast.values), rate, contrast.without_face)


def _pairs(
    clip: Path,
    contrast: ClipContrast,
    intervals: list[tuple[int, int, int]],
    classifier: ExpressionClassifier,
) -> Iterator[AlignedPair]:
    """Read the onset and the apex of each interval and yield them with the flow between them."""
    if not intervals:
        return
    estimate = estimator(classifier.method)
    last_use: dict[int, int] = {}
    for k, (first, apex, _) in enumerate(intervals):
        last_use |= {first: k, apex: k}
    crops, done = {}, 0
    for number, frame in enumerate(intact_frames(clip, lambda frames: None)):  # said already
        if number in last_use:
            crops[number] = align(frame, contrast.similarity(number))
        while done < len(intervals) and intervals[done][1] <= number:
            first, apex, _ = intervals[done]
            yield AlignedPair(crops[first], crops[apex], estimate(crops[first], crops[apex]))
            done += 1
            crops = {k: crop for k, crop in crops.items() if last_use[k] >= done}
        if done == len(intervals):
            return
