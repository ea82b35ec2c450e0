"""The micro-expressions of a long clip: when they happen, and what they are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.expression_samples import SPOTTER, estimator
from keras_models.inference.recognition import probabilities
from pipelines.errors import InputError
from pipelines.io.video import frame_rate, read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.onset_apex import AlignedPair
from pipelines.micro_expressions.spotting import aligned_clip, contrast, spot_intervals


@dataclass(frozen=True)
class Spotted:
    """A micro-expression that was found.

    Attributes:
        first, apex, last: its frames in the clip, counted from 0; the apex is where it stands out most.
        probabilities: of each class.
    """

    first: int
    apex: int
    last: int
    probabilities: dict[str, float]

    @property
    def expression(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.get)


def spot_clip(
    clip: Path, classifier: ExpressionClassifier, longest: float = 0.5, rate: float | None = None
) -> list[Spotted]:
    """Find what comes and goes in a clip, and recognise it.

    Args:
        clip: a video or a folder of pictures; it may be long, the face alone is kept in memory.
        classifier: that says what each is.
        longest: from onset to offset, seconds.
        rate: frames per second; by default what the video states, 25 for a folder.

    Raises:
        InputError: if the clip cannot be read, is shorter than `longest`, or has no face in its first frame;
            if `longest` is less than two frames.
    """
    rate = frame_rate(clip) if rate is None else rate
    reach = round(longest * rate / 2) if 0 < longest * rate < np.inf else 0
    if reach < 1:
        raise InputError(f"{longest:g} seconds at {rate:g} frames a second are less than two frames")
    with FaceMesh() as face_mesh:
        crops = aligned_clip(read_frames(clip), face_mesh)
    try:
        contrasts = contrast(crops, reach, estimator(SPOTTER))
    except InputError as error:
        raise InputError(f"{clip}: {error}") from error
    estimate, found = estimator(classifier.method), []
    for first, last in spot_intervals(contrasts, reach):
        apex = first + int(np.argmax(contrasts[first : last + 1]))
        pair = AlignedPair(crops[first], crops[apex], estimate(crops[first], crops[apex]).astype(np.float32))
        found.append(Spotted(first, apex, last, probabilities(pair, classifier)))
    return found
