"""The settings that a folder of records is built with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildConfig:
    """What the bytes of the records depend on, apart from the clips.

    Attributes:
        corpus: Layout of the corpus: casme2, casme3, casme_squared, dfme, fourdme, mmew, samm, samm_long,
            smic, ckplus, bp4d, or folder.
        pairs: Scheme that selects the frames of a pair: consecutive, every:K, onset_apex or neutral_peak.
            The landmark error is the same at any distance, so every:5 gives better labels than consecutive
            where faces move slowly.
        landmarks: Source of the landmarks: face_mesh (478 points); corpus (those of the corpus); or
            openface:PLACE, pyfeat:PLACE, pts:PLACE or ibug:PLACE, where PLACE is a folder with a file for
            each clip (CLIP.csv, or a folder CLIP of .pts files), or the file of the one clip. Only the labels
            `sparse` and `synthesised` take landmarks other than those of face_mesh.
        smooth: Smooth the landmarks over each clip.
        label: Label method whose dense flow is stored with each pair. By default none, because training makes
            labels from the landmarks. Useful for slow methods, such as refined.
    """

    corpus: str = "folder"
    pairs: str = "consecutive"
    landmarks: str = "face_mesh"
    smooth: bool = True
    label: str | None = None
