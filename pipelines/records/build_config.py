"""The settings that a folder of records is built with."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BuildConfig:
    """What the bytes of the records depend on, apart from the clips.

    Attributes:
        corpus: whose layout the folder has: bp4d, ckplus, casme2, samm, smic, or folder.
        pairs: which frames make a pair: consecutive, every:K, onset_apex or neutral_peak.
            Landmarks jitter by as much whatever the distance, so where faces move slowly every:5 gives better
            labels than consecutive.
        landmarks: face_mesh, 478 points; or corpus, the points that its owner hands out, which only the
            labels `sparse` and `synthesised` take.
        smooth: whether the landmarks are freed of their jitter over each clip.
        label: label method whose dense flow is stored with each pair; none by default, since
            training makes labels from the landmarks. Worth it for slow ones, such as refined.
    """

    corpus: str = "folder"
    pairs: str = "consecutive"
    landmarks: Literal["face_mesh", "corpus"] = "face_mesh"
    smooth: bool = True
    label: str | None = None
