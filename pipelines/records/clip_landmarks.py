"""Landmarks of clips from the files of other programs, as `--landmarks openface:PLACE` names them."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.datasets.clip import Clip
from pipelines.datasets.reading import CorpusReading, Issue
from pipelines.errors import InputError
from pipelines.io.landmark_tables import parse_source, read_landmarks
from pipelines.io.video import frame_files, read_frames

#: Kinds whose place is a folder of folders, one a clip.
_FOLDERS = ("pts", "ibug")


@dataclass(frozen=True)
class LandmarkFile:
    """Reads the landmarks of a clip from a file of another program; see `clip.Landmarks`.

    Attributes:
        kind: kind of file, see `landmark_tables.read_landmarks`.
        file: file of the clip.
        clip: the video or the folder of frames.
        frames: how many frames it has; None for a video, whose frames are counted.
    """

    kind: str
    file: Path
    clip: Path
    frames: int | None

    def __call__(self) -> list[np.ndarray | None]:
        """Return float32 [68, 2] for each frame, None where there are none.

        Raises:
            InputError: as `read_landmarks`.
        """
        frames = sum(1 for _ in read_frames(self.clip)) if self.frames is None else self.frames
        return read_landmarks(self.kind, self.file, frames).points


def attach_landmarks(reading: CorpusReading, source: str) -> CorpusReading:
    """Give clips the landmarks that another program has found.

    Args:
        reading: clips of a corpus, as its reader yields them.
        source: `KIND:PLACE`. The place is a folder with a file for each clip, `CLIP.csv` or, of `pts` and
            `ibug`, a folder `CLIP`, where CLIP is the clip's name or that of its video or folder; or the file
            itself, where there is one clip.

    Returns:
        The same with landmarks; clips without a file are skipped, with an issue.

    Raises:
        InputError: for an unknown kind, a place that does not exist, or if no clip has a file.
    """
    kind, places = parse_source(source)
    (place,) = places if len(places) == 1 else (None,)
    if place is None or not place.exists():
        raise InputError(f"landmarks {source!r}: no such file or folder")
    place = place.absolute()  # workers on other machines are in other folders
    clips, issues = [], list(reading.issues)
    for clip in reading.clips:
        file = _file_of(clip, kind, place, len(reading.clips))
        if file is None:
            issues.append(Issue(clip.name, "skipped", f"no file of landmarks for it in {place}"))
            continue
        frames = _frame_count(clip)
        if frames is not None:
            with suppress(InputError):  # building the clip says what is wrong
                issues += [
                    Issue(clip.name, "repaired", f"{file.name}: {reason}")
                    for reason in read_landmarks(kind, file, frames).issues
                ]
        clips.append(replace(clip, landmarks=LandmarkFile(kind, file, clip.path, frames)))
    if not clips:
        raise InputError(
            f"landmarks {source!r}: no file in it is named after a clip, such as {reading.clips[0].name}"
        )
    return replace(reading, clips=clips, issues=issues)


def _file_of(clip: Clip, kind: str, place: Path, clips: int) -> Path | None:
    names = (clip.name, clip.path.stem if clip.path.is_file() else clip.path.name)
    suffix = "" if kind in _FOLDERS else ".csv"
    if place.is_dir():
        found = next(
            (place / f"{name}{suffix}" for name in names if (place / f"{name}{suffix}").exists()), None
        )
        if found or kind not in _FOLDERS or clips > 1:
            return found
    return place if clips == 1 else None


def _frame_count(clip: Clip) -> int | None:
    if clip.frames is not None:
        return len(clip.frames)
    return len(frame_files(clip.path)) if clip.path.is_dir() else None
