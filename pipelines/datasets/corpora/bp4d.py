"""BP4D-Spontaneous: `Sequences(2D+3D)/F001/T1/0001.jpg`, with unit codes and 49 landmarks beside it.

References:
    Zhang et al., "BP4D-Spontaneous: A High-Resolution Spontaneous 3D Dynamic Facial Expression Database",
    Image and Vision Computing 32(10), 2014.
    Zhang et al., "Multimodal Spontaneous Emotion Corpus for Human Behavior Analysis", CVPR 2016 (BP4D+).
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.datasets.clip import Clip
from pipelines.datasets.corpora.bp4d_units import clip_units
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import missing_frames, numbered_frames
from pipelines.datasets.reading import CorpusReading, Issue
from pipelines.errors import InputError

TITLE = "BP4D"
LAYOUT = "Sequences(2D+3D), AUCoding and 2DFeatures"
_FRAMES, _FEATURES = "Sequences(2D+3D)", "2DFeatures"


@dataclass(frozen=True)
class LandmarkTrack:
    """Reads the 49 landmarks of a clip from its `.mat` file, which has them for every frame in order."""

    file: Path

    def __call__(self) -> list[np.ndarray | None]:
        """Return float32 [49, 2] for each frame, None where the tracker had lost the face.

        They are iBUG's 68 points without the jaw line (0-16) and the inner corners of the lips (60, 64).

        Raises:
            InputError: if the file is not as expected.
        """
        from scipy.io import loadmat

        try:
            fits = loadmat(self.file, variable_names=["fit"])["fit"]["pred"].ravel()
            # A frame without a face is an empty matrix; one of NaN would mean the same.
            known = [point.size > 0 and np.isfinite(point).all() for point in fits]
            return [
                point.astype(np.float32).reshape(49, 2) if there else None
                for point, there in zip(fits, known, strict=True)
            ]
        except Exception as error:  # SciPy lets through whatever its parser meets
            raise InputError(f"{self.file}: no 49 landmarks a frame under fit(k).pred ({error})") from error


def looks_like(tree: FolderTree) -> bool:
    """Tell by the folders' names."""
    return tree.has(_FRAMES) or tree.has("AUCoding")


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus. Codes and landmarks may be missing, of single clips or altogether.

    Raises:
        InputError: if the pictures are missing.
    """
    source = tree.root
    if not tree.has(_FRAMES):
        raise InputError(f"{source}: {TITLE} has {LAYOUT} in it; {_FRAMES} is missing")
    reading = CorpusReading([])
    digits: Counter[int] = Counter()
    for folder in (path for subject in tree.folders(source / _FRAMES) for path in tree.folders(subject)):
        name = "_".join(folder.parts[-2:])
        frames = numbered_frames(tree, folder)
        if not frames.numbers:
            reading.issues.append(Issue(name, "skipped", f"no numbered pictures in {folder}"))
            continue
        digits[len(frames.files[0].stem)] += 1
        units, of_units = clip_units(source, name, set(frames.numbers))
        landmarks, of_landmarks = _landmarks(source / _FEATURES / f"{name}.mat", len(frames.numbers))
        repairs = [*frames.repairs, *missing_frames(frames.numbers), *of_units, *of_landmarks]
        reading.issues += [Issue(name, "repaired", reason) for reason in repairs]
        reading.clips.append(
            Clip(
                subject=folder.parent.name,
                name=name,
                path=folder,
                frames=frames.files,
                numbers=frames.numbers,
                action_units=units,
                landmarks=landmarks,
            )
        )
    if len(digits) > 1:
        widths = ", ".join(f"{count} with {width}" for width, count in sorted(digits.items()))
        reading.issues.append(
            Issue(
                _FRAMES,
                "repaired",
                f"zero-padding of frame numbers varies ({widths} digits); compared as numbers",
            )
        )
    return reading


def _landmarks(file: Path, frames: int) -> tuple[LandmarkTrack | None, list[str]]:
    """Return the landmarks of a clip if their number matches its frames, and the repairs."""
    track, without = LandmarkTrack(file), "the clip has no landmarks of its own"
    if not file.exists():
        return None, [f"no {_FEATURES}/{file.name}; {without}"]
    try:
        points = track()
    except InputError as error:
        return None, [f"{error}; {without}"]
    if len(points) != frames:
        return None, [f"{file.name} has {len(points)} frames, {frames} are on disk; {without}"]
    lost = sum(point is None for point in points)
    return track, [f"{lost} of {frames} frames have no landmarks"] * (lost > 0)
