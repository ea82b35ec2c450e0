"""A frame of a clip and its motion."""

from dataclasses import dataclass

import numpy as np

from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop
from pipelines.clip_analysis.tracking.tracker import TrackedMotion


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """A frame of a clip and its motion.

    Attributes:
        number: number of the frame, from 0.
        picture: the frame, uint8 [H, W, 3], RGB.
        landmarks: landmarks of the face, float32 [478, 2], pixels of the frame; None without a face.
        reference: crop of the reference frame; None in a shot without a face.
        motion: motion relative to the reference; None without a face, and until the frame is tracked.
    """

    number: int
    picture: np.ndarray
    landmarks: np.ndarray | None
    reference: ReferenceCrop | None
    motion: TrackedMotion | None = None

    @property
    def known(self) -> bool:
        """Whether the motion is known, that is, the frame has a face and was not lost."""
        return self.motion is not None and self.motion.status != "lost"

    @property
    def status(self) -> str:
        """Tracked, restarted, lost, or no_face."""
        return self.motion.status if self.motion else "no_face"
