"""The frames of a clip on disk, under the numbers that its owner gave them."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from pipelines.io.video import frame_files, is_clip

_NAMED = 4  # gaps that a message names one by one


def frame_folders(*roots: Path) -> list[Path]:
    """Return all folders with pictures in them below some folders, in order."""
    return sorted(folder for root in roots for folder, _ in walk(root) if is_clip(folder))


def walk(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Yield a folder and those below it with the files in each; links are followed, but not in circles.

    Hidden files and folders are skipped.
    """
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(folder), [Path(folder, name) for name in files if not name.startswith(".")]


def loosely(name: str) -> str:
    """Return a name to compare by: without capitals, and with numbers that are not padded."""
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), name.lower())


def numbered_frames(folder: Path) -> tuple[dict[int, Path], list[str]]:
    """Find the frames of a folder: the last number in a file's name counts, padded with zeros or not.

    Returns:
        (frame number -> file, in rising order; repairs: what was wrong, and what was done).
    """
    frames: dict[int, Path] = {}
    repairs = []
    for file in frame_files(folder):
        digits = re.findall(r"\d+", file.stem)
        if not digits:
            repairs.append(f"{file.name} has no frame number; skipped")
        elif int(digits[-1]) in frames:
            repairs.append(
                f"{file.name} has the same frame number as {frames[int(digits[-1])].name}; skipped"
            )
        else:
            frames[int(digits[-1])] = file
    frames = dict(sorted(frames.items()))
    if absent := max(frames, default=-1) - min(frames, default=0) + 1 - len(frames):
        repairs.append(
            f"{absent} frame(s) missing ({_gaps(list(frames))}); no consecutive pair spans the gap"
        )
    return frames, repairs


def _gaps(numbers: list[int]) -> str:
    gaps = [(a + 1, b - 1) for a, b in pairwise(numbers) if b - a > 1]
    named = [f"{a}" if a == b else f"{a}-{b}" for a, b in gaps[:_NAMED]]
    return ", ".join(named + ["..."] * (len(gaps) > _NAMED))
