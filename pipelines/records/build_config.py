"""The settings that a folder of records is built with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildConfig:
    """What the bytes of the records depend on, apart from the clips.

    Attributes:
        corpus: Layout of the corpus: casme2, casme3, casme_squared, dfme, fourdme, mmew, samm, samm_long,
            smic, ckplus, bp4d, or folder.
        pairs: Frames that make a pair: consecutive, every:K, onset_apex or neutral_peak.
            Landmarks jitter equally at any distance, so where faces move slowly every:5 gives better labels
            than consecutive.
        landmarks: Source of the landmarks: face_mesh (478 points); corpus (those of the corpus); or
            openface:PLACE, pyfeat:PLACE, pts:PLACE or ibug:PLACE, where PLACE is a folder with a file for
            each clip (CLIP.csv, or a folder CLIP of .pts files), or the file of the one clip. Only the labels
            `sparse` and `synthesised` take other landmarks than those of face_mesh.
        smooth: Smooth the landmarks over each clip.
        label: Label method whose dense flow is stored with each pair. None by default, since training makes
            labels from the landmarks. Of use for slow methods, such as refined.
    """

    corpus: str = "folder"
    pairs: str = "consecutive"
    landmarks: str = "face_mesh"
    smooth: bool = True
    label: str | None = None
