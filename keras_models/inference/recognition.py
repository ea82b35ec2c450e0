"""Recognition of a face's expression, from a clip or from two frames of it."""

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_models.inference.expression_classifier import ExpressionClassifier, predicted_label
from keras_models.inference.expression_samples import SPOTTER, estimator
from pipelines.errors import InputError
from pipelines.image.shots import CutDetector
from pipelines.io.images import read_images
from pipelines.io.video import intact_frames
from pipelines.labels.rigid_motion import RigidMotion
from pipelines.landmarks.detector import FaceMesh
from pipelines.landmarks.face_mesh import face_mask
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.onset_apex import AlignedPair, aligned_pair
from pipelines.micro_expressions.spotting import spot_apex
from pipelines.micro_expressions.strain import optical_strain
from pipelines.micro_expressions.strength import face_without_eyes
from pipelines.visualization.flow_pictures import error_map, flow_panel

NO_MOVEMENT = "no movement"
#: A pair has no expression if the motion of the face is less than this, in pixels of the crop, and a share of
#: the head's parallax: the depth of every head is taken to be the same. Chosen on 137 rendered pairs of each
#: kind, of which 2 % of the micro-expressions and 90 % of the faces at rest have less, and 97 % of 100 pairs
#: with a turn; `benchmarks.classifiers.no_movement` measures it on other people.
LEAST_STRENGTH, TURN_SHARE = 0.05, 0.25

_log = logging.getLogger("faceflow")
_LEAST_STRAIN = 0.02  # that is shown as white, so that a face without movement stays dark
_MOST_FRAMES = 48  # compared with the onset of a clip; more take long and change little


@dataclass(frozen=True, eq=False)
class Recognition:
    """An expression that was recognised.

    Attributes:
        probabilities: probability of each class, which add up to 1; or of each Action Unit.
        pair: the aligned face at onset and apex, and the flow between them.
        onset: frame number of the onset in a clip, from 0; None for two frames.
        apex: frame number of the apex, likewise.
        is_binary: whether the probabilities are of Action Units.
    """

    probabilities: dict[str, float]
    pair: AlignedPair
    onset: int | None = None
    apex: int | None = None
    is_binary: bool = False

    @cached_property
    def _head(self) -> np.ndarray:
        return _rigid_motion().fit(self.pair.flow)

    @cached_property
    def motion(self) -> np.ndarray:
        """Flow relative to the head and its parallax, float32 [224, 224, 2], pixels of the crop."""
        return self.pair.flow - _rigid_motion().flow(self._head)

    @property
    def strength(self) -> float:
        """Mean length of `motion` over the face without the eyes, pixels of the crop."""
        return float(np.linalg.norm(self.motion[face_without_eyes()], axis=-1).mean())

    @property
    def parallax(self) -> float:
        """Motion of the head by its depth, pixels of the crop for half the depth of the face."""
        return float(np.linalg.norm(self._head[3]))

    @property
    def expression(self) -> str:
        """The class or Action Units (`predicted_label`), or `NO_MOVEMENT` where the face moves too little.

        That is less than `LEAST_STRENGTH` and `TURN_SHARE` of the head's parallax.
        """
        if self.strength < LEAST_STRENGTH + TURN_SHARE * self.parallax:
            return NO_MOVEMENT
        return predicted_label(self.probabilities, self.is_binary)

    def picture(self) -> np.ndarray:
        """Show in one row the onset, the apex, `motion` in colour and as arrows, and its strain.

        Returns:
            uint8 [240, 1200, 3], RGB.
        """
        face = face_mask(template(), (CROP, CROP))
        panel = flow_panel(self.pair.onset, self.pair.apex, self.motion, face)
        strain = cv2.GaussianBlur(optical_strain(tf.constant(self.motion[None])).numpy()[0], (0, 0), 2)
        shown = error_map(strain, face, max(float(np.percentile(strain[face], 99)), _LEAST_STRAIN))
        return np.hstack([panel, cv2.resize(shown, (panel.shape[0],) * 2)])


@lru_cache(maxsize=1)
def _rigid_motion() -> RigidMotion:
    return RigidMotion(template(), face_mask(template(), (CROP, CROP)))


def recognise_pair(onset: Path, apex: Path, classifier: ExpressionClassifier) -> Recognition:
    """Recognise the expression that has come up from one picture to another.

    Args:
        onset: picture of the neutral face.
        apex: picture of the same face at the height of the expression, of the same size.
        classifier: classifier of the expressions.

    Raises:
        InputError: if a picture cannot be read or has no face, or they differ in size.
    """
    frames = read_images([onset, apex])
    with FaceMesh() as face_mesh:
        pair = aligned_pair(*frames, estimator(classifier.method), face_mesh, (str(onset), str(apex)))
    return Recognition(probabilities(pair, classifier), pair, is_binary=classifier.is_binary)


def recognise_clip(clip: Path, classifier: ExpressionClassifier) -> Recognition:
    """Find the apex of a clip that starts with a neutral face, and recognise the expression.

    The onset is the first frame with a face. Frames before it, and those of later shots, are left out, which
    is logged.

    Args:
        clip: a video or a folder of pictures. Of a long one, 49 frames that are evenly spread are compared.
        classifier: classifier of the expressions.

    Raises:
        InputError: if the clip cannot be read, or has no face in two frames of one shot.
    """
    onset, end = _first_shot(clip)
    numbers = np.linspace(onset, end - 1, min(end - onset, _MOST_FRAMES + 1)).round().astype(int)
    wanted = set(numbers.tolist())
    again = intact_frames(clip, lambda frames: None)  # of a truncated file, that is said already
    frames = [frame for number, frame in enumerate(again) if number in wanted]
    estimate = estimator(classifier.method)
    with FaceMesh() as face_mesh:
        found = spot_apex(frames, estimator(SPOTTER), face_mesh, str(clip), most_frames=_MOST_FRAMES)
        apex = int(numbers[found.frame])
        names = f"{clip}, frame {onset}", f"{clip}, frame {apex}"
        pair = aligned_pair(frames[0], frames[found.frame], estimate, face_mesh, names)
    return Recognition(probabilities(pair, classifier), pair, onset, apex, classifier.is_binary)


def _first_shot(clip: Path) -> tuple[int, int]:
    """Return the first frame of a clip with a face, and the frame behind the last one of its shot."""
    is_cut, onset, end, number = CutDetector(), None, None, -1
    with FaceMesh(tracking=True) as face_mesh:
        for number, frame in enumerate(intact_frames(clip)):
            if is_cut(frame):
                face_mesh.reset()
                if onset is not None and end is None:
                    end = number
            if onset is None and face_mesh(frame) is not None:
                onset = number
    if onset is None:
        raise InputError(f"{clip}: no face found in any frame")
    if onset:
        _log.warning("%s: no face in frames 0 to %d; they are left out", clip, onset - 1)
    if end is not None:
        _log.warning("%s: another shot begins with frame %d; it is left out", clip, end)
    return onset, number + 1 if end is None else end


def probabilities(pair: AlignedPair, classifier: ExpressionClassifier) -> dict[str, float]:
    """Return the probability of each class by name.

    Args:
        pair: aligned onset and apex with the flow between them.
        classifier: classifier of the expressions.

    Raises:
        InputError: if the flow of the pair is not finite.
    """
    features = pair.features(classifier.remove_head)
    if not np.isfinite(features).all():
        raise InputError(f"the flow of {classifier.method} is not finite on these frames")
    values = classifier.probabilities(tf.constant(features[None])).numpy()[0]
    return dict(zip(classifier.classes, values.tolist(), strict=True))
