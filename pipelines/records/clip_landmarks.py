"""Landmarks of clips from the files of other programs, as `--landmarks openface:PLACE` names them."""

from collections import defaultdict
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
# What OpenFace reads of a folder (`-fdir`), in the order of the names as text.
_OPENFACE_PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


@dataclass(frozen=True)
class LandmarkFile:
    """Reads the landmarks of a clip from a file of another program; see `clip.Landmarks`.

    Attributes:
        kind: kind of file, see `landmark_tables.read_landmarks`.
        file: file of the clip.
        clip: the video or the folder of frames.
        rows: for each frame its number in the file, from 0; None for a video, which has all frames in order.
        frames: number of frames that the file is about; None for a video, whose frames are counted.
    """

    kind: str
    file: Path
    clip: Path
    rows: tuple[int, ...] | None
    frames: int | None

    def __call__(self) -> list[np.ndarray | None]:
        """Return float32 [68, 2] for each frame, None where there are none.

        Raises:
            InputError: as `read_landmarks`.
        """
        frames = sum(1 for _ in read_frames(self.clip)) if self.frames is None else self.frames
        points = read_landmarks(self.kind, self.file, frames).points
        return points if self.rows is None else [points[row] for row in self.rows]

    def content(self) -> bytes:
        """Return all that the file holds; of a folder, the names and contents of its files."""
        if self.file.is_file():
            return self.file.read_bytes()
        files = sorted(path for path in self.file.iterdir() if path.is_file())
        return b"".join(path.name.encode(errors="surrogateescape") + path.read_bytes() for path in files)


def attach_landmarks(reading: CorpusReading, source: str) -> CorpusReading:
    """Give clips the landmarks that another program has found.

    Args:
        reading: clips of a corpus, as its reader yields them.
        source: `KIND:PLACE`. The place is a folder with a file for each clip, `CLIP.csv` or, of `pts` and
            `ibug`, a folder `CLIP`, where CLIP is the clip's name or that of its video or folder; or the file
            itself, where there is one clip.

    Returns:
        The same with landmarks; clips without a file are skipped, with an issue. A file that is named after
        the folder of a clip is about all pictures in it, of which the clip may have a part.

    Raises:
        InputError: for an unknown kind, a place that does not exist, if no clip has a file, or two clips
            from different folders have the same.
    """
    kind, places = parse_source(source)
    (place,) = places if len(places) == 1 else (None,)
    if place is None or not place.exists():
        raise InputError(f"landmarks {source!r}: no such file or folder")
    place = place.absolute()  # workers on other machines are in other folders
    clips, issues, users = [], list(reading.issues), defaultdict(list)
    for clip in reading.clips:
        file = _file_of(clip, kind, place, len(reading.clips))
        if file is None:
            issues.append(Issue(clip.name, "skipped", f"no file of landmarks for it in {place}"))
            continue
        landmarks = _landmark_file(clip, kind, file)
        users[file].append(clip)
        with suppress(InputError):  # building the clip says what is wrong
            found = list(read_landmarks(kind, file, landmarks.frames).issues)
            if landmarks.rows is not None and list(landmarks.rows) != sorted(landmarks.rows):
                found.append(
                    "its rows are in the order of the names as text, in which OpenFace reads folders"
                )
            issues += [Issue(clip.name, "repaired", f"{file.name}: {reason}") for reason in found]
        clips.append(replace(clip, landmarks=landmarks))
    for file, sharing in users.items():
        if len({clip.path for clip in sharing}) > 1:
            names = ", ".join(clip.name for clip in sharing)
            raise InputError(f"{file}: is named after several clips ({names}); name files as the clips here")
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


def _landmark_file(clip: Clip, kind: str, file: Path) -> LandmarkFile:
    if clip.frames is None and not clip.path.is_dir():
        return LandmarkFile(kind, file, clip.path, None, None)
    frames = clip.frames or frame_files(clip.path)
    about = frame_files(clip.path) if clip.path.is_dir() and file.stem == clip.path.name else frames
    if kind == "openface" and all(path.suffix.lower() in _OPENFACE_PICTURES for path in about):
        about = sorted(about, key=str)
    rows = {path: row for row, path in enumerate(about)}
    return LandmarkFile(kind, file, clip.path, tuple(rows[path] for path in frames), len(about))
