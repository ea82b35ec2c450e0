"""What a face's expression is, from a clip or from two frames of it."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.expression_samples import SPOTTER, estimator
from pipelines.errors import InputError
from pipelines.io.images import read_images
from pipelines.io.video import read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.landmarks.face_mesh import face_mask
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.features import head_flow
from pipelines.micro_expressions.onset_apex import AlignedPair, aligned_pair
from pipelines.micro_expressions.spotting import Apex, spot_apex
from pipelines.micro_expressions.strain import optical_strain
from pipelines.visualization.flow_pictures import error_map, flow_panel

_MOST_FRAMES = 48  # of a clip that are looked at; more would take long and say little more


@dataclass(frozen=True, eq=False)
class Recognition:
    """An expression that was recognised.

    Attributes:
        probabilities: of each class, adding up to 1.
        pair: the aligned face at onset and apex, and the flow.
        onset, apex: frame numbers of a clip, from 0 on; None for two frames.
    """

    probabilities: dict[str, float]
    pair: AlignedPair
    onset: int | None = None
    apex: int | None = None

    def picture(self) -> np.ndarray:
        """Show in one row the onset, the apex, the expression's flow in colour and as arrows, and its strain.

        The head's motion is taken off. Returns uint8 [240, 1200, 3], RGB.
        """
        face = face_mask(template(), (CROP, CROP))
        flow = self.pair.flow - head_flow(tf.constant(self.pair.flow[None])).numpy()[0]
        panel = flow_panel(self.pair.onset, self.pair.apex, flow, face)
        strain = cv2.GaussianBlur(optical_strain(tf.constant(flow[None])).numpy()[0], (0, 0), 2)
        shown = error_map(strain, face, max(float(np.percentile(strain[face], 99)), 1e-6))
        return np.hstack([panel, cv2.resize(shown, (panel.shape[0],) * 2)])


def recognise_pair(onset: Path, apex: Path, classifier: ExpressionClassifier) -> Recognition:
    """Recognise the expression that has come up from one picture to another.

    Raises:
        InputError: if a picture cannot be read or has no face, or they differ in size.
    """
    frames = read_images([onset, apex])
    with FaceMesh() as face_mesh:
        pair = aligned_pair(*frames, estimator(classifier.method), face_mesh, (str(onset), str(apex)))
    return Recognition(probabilities(pair, classifier), pair)


def recognise_clip(clip: Path, classifier: ExpressionClassifier) -> Recognition:
    """Find the apex of a clip that starts with a neutral face, and recognise the expression.

    Args:
        clip: a video or a folder of pictures. Of a long one, frames that are evenly spread are looked at.
        classifier: that answers.

    Raises:
        InputError: if the clip cannot be read, has one frame, or no face in its first frame or at its apex.
    """
    total = sum(1 for _ in read_frames(clip))
    numbers = np.unique(np.linspace(0, total - 1, min(total, _MOST_FRAMES + 1)).round().astype(int)).tolist()
    wanted = set(numbers)
    frames = [frame for number, frame in enumerate(read_frames(clip)) if number in wanted]
    estimate = estimator(classifier.method)
    with FaceMesh() as face_mesh:
        found: Apex = spot_apex(frames, estimator(SPOTTER), face_mesh, str(clip), most_frames=_MOST_FRAMES)
        apex = numbers[found.frame]
        names = f"{clip}, frame 0", f"{clip}, frame {apex}"
        pair = aligned_pair(frames[0], frames[found.frame], estimate, face_mesh, names)
    return Recognition(probabilities(pair, classifier), pair, 0, apex)


def probabilities(pair: AlignedPair, classifier: ExpressionClassifier) -> dict[str, float]:
    """Return how likely each class is, by name.

    Raises:
        InputError: if the flow of the pair is not finite.
    """
    features = pair.features(classifier.remove_head)
    if not np.isfinite(features).all():
        raise InputError(f"the flow of {classifier.method} is not finite on these frames")
    values = classifier.probabilities(tf.constant(features[None])).numpy()[0]
    return dict(zip(classifier.classes, values.tolist(), strict=True))
