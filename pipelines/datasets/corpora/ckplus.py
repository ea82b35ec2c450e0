"""CK+: pictures, 68 landmarks, FACS codes and emotions in parallel folders; from neutral to the peak.

Reference:
    Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", CVPR Workshops 2010.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.datasets.clip import ActionUnit, Clip
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import NumberedFrames, missing_frames, numbered_frames
from pipelines.datasets.reading import CorpusReading, Issue
from pipelines.errors import InputError

TITLE = "CK+"
LAYOUT = "cohn-kanade-images, Landmarks, FACS and Emotion"
EMOTIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
_IMAGES = "cohn-kanade-images"
_POINTS = 68
_CALLED = {"facs": "units", "emotion": "label"}


@dataclass(frozen=True)
class LandmarkFiles:
    """Reads the landmarks of a clip from one text file a frame; None where there is no file."""

    files: tuple[Path | None, ...]

    def __call__(self) -> list[np.ndarray | None]:
        """Return float32 [68, 2] for each frame; see `clip.Landmarks`.

        Raises:
            InputError: for a file that does not hold 68 points.
        """
        return [None if file is None else _points(file) for file in self.files]


def looks_like(tree: FolderTree) -> bool:
    """Tell by the folder of pictures."""
    return tree.has(_IMAGES)


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus. Landmarks, codes and emotions may be missing, of single clips or altogether."""
    reading = CorpusReading([])
    for folder in (path for subject in tree.folders(tree.root / _IMAGES) for path in tree.folders(subject)):
        name = "_".join(folder.parts[-2:])
        frames = numbered_frames(tree, folder)
        if not frames.numbers:
            reading.issues.append(Issue(name, "skipped", f"no numbered pictures in {folder}"))
            continue
        repairs = [*frames.repairs, *missing_frames(frames.numbers)]
        reading.clips.append(_clip(tree, folder, name, frames, repairs))
        reading.issues += [Issue(name, "repaired", reason) for reason in repairs]
    return reading


def _clip(tree: FolderTree, folder: Path, name: str, frames: NumberedFrames, repairs: list[str]) -> Clip:
    subject, sequence = folder.parts[-2:]
    peak = frames.files[-1]
    facs = _table_of(tree, tree.root / "FACS" / subject / sequence, peak, "facs", 2, repairs)
    label = _table_of(tree, tree.root / "Emotion" / subject / sequence, peak, "emotion", 1, repairs)
    emotion = None
    if len(label):
        code = label[0, 0]
        if code in range(len(EMOTIONS)):
            emotion = EMOTIONS[int(code)]
        else:
            repairs.append(f"emotion {code:g} is not in 0-{len(EMOTIONS) - 1}; the clip has no label")
    place = tree.root / "Landmarks" / subject / sequence
    there = set(tree.listing(place).files)
    names = [f"{Path(file).stem}_landmarks.txt" for file in frames.files.names]
    marks = tuple(place / name if name in there else None for name in names)
    if None in marks:
        repairs.append(f"{marks.count(None)} of {len(marks)} frames have no landmarks")
    count = len(frames.numbers)
    return Clip(
        subject=subject,
        name=name,
        path=folder,
        frames=frames.files,
        numbers=frames.numbers,
        onset=0 if count > 1 else None,
        apex=count - 1 or None,
        action_units=tuple(ActionUnit(int(unit), None, float(intensity)) for unit, intensity in facs),
        emotion=emotion,
        landmarks=LandmarkFiles(marks) if any(marks) else None,
    )


def _table_of(
    tree: FolderTree, folder: Path, peak: Path, what: str, columns: int, repairs: list[str]
) -> np.ndarray:
    """Read the one file that a sequence has of a kind: float64 [rows, columns], empty if there is none."""
    files = [folder / name for name in tree.listing(folder).files if name.endswith(f"_{what}.txt")]
    try:
        if not files:
            raise InputError(f"no {what} file")
        if files[0].name != f"{peak.stem}_{what}.txt":
            repairs.append(
                f"{files[0].name} does not belong to the last frame; using {peak.name} as the peak"
            )
        return _numbers(files[0], columns)
    except InputError as error:
        repairs.append(f"{error}; the clip has no {_CALLED[what]}")
        return np.empty((0, columns))


def _numbers(file: Path, columns: int) -> np.ndarray:
    try:
        rows = [
            [float(word) for word in line.split()] for line in file.read_text().splitlines() if line.strip()
        ]
        return np.array(rows, float).reshape(-1, columns)
    except ValueError as error:
        raise InputError(f"{file}: not {columns} number(s) a line") from error


def _points(file: Path) -> np.ndarray:
    points = _numbers(file, 2)
    if len(points) != _POINTS:
        raise InputError(f"{file}: {len(points)} landmarks in place of {_POINTS}")
    return points.astype(np.float32)
