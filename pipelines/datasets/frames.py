"""The frames of a clip on disk, under the numbers that its owner gave them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pipelines.datasets.folder_tree import FolderTree, FrameFiles

_NAMED = 4  # gaps that a message names one by one
_COPY = re.compile(r" ?\(\d+\)(?=\.[^.]*$)")  # as browsers and Windows name a second file


@dataclass(frozen=True)
class NumberedFrames:
    """The frames of a folder in the order of their numbers.

    Attributes:
        files: the picture files.
        numbers: frame number of each file, rising.
        repairs: what was wrong with their names, and what was done.
    """

    files: FrameFiles
    numbers: tuple[int, ...]
    repairs: tuple[str, ...] = ()

    def cut(self, first: float, last: float) -> "NumberedFrames":
        """Return the frames with numbers from `first` to `last`."""
        inside = slice(bisect_left(self.numbers, first), bisect_right(self.numbers, last))
        return NumberedFrames(self.files[inside], self.numbers[inside], self.repairs)

    def shifted(self, by: int) -> "NumberedFrames":
        """Return the same frames with `by` added to their numbers."""
        return NumberedFrames(self.files, tuple(number + by for number in self.numbers), self.repairs)


def loosely(name: str) -> str:
    """Return a name to compare by: without capitals, and with numbers that are not padded.

    >>> loosely("S03_PO_05")
    's3_po_5'
    """
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), name.lower())


def numbered_frames(tree: FolderTree, folder: Path) -> NumberedFrames:
    """Find the frames of a folder; the last number in a file's name counts, padded with zeros or not.

    If most names end in the same number, as in `img46_224x224.jpg`, the last one that differs counts.

    Args:
        tree: the corpus.
        folder: folder below it that holds the pictures.
    """
    listing = tree.listing(folder)
    found: dict[int, str] = {}
    repairs = [f"{folder} cannot be read ({listing.error})"] if listing.error else []
    digits = {name: re.findall(r"\d+", name.rpartition(".")[0]) for name in listing.pictures}
    for name in listing.pictures:
        original = _COPY.sub("", name)
        # `img (1).jpg` beside `img.jpg` is a frame.
        if original != name and digits.get(original):
            repairs.append(f"{name} is a copy of {original}; skipped")
            del digits[name]
    place = _place(list(digits.values()))
    for name, numbers_in_name in digits.items():
        if len(numbers_in_name) < place:
            repairs.append(f"{name} has no frame number; skipped")
        elif (number := int(numbers_in_name[-place])) in found:
            repairs.append(f"{name} has the same frame number as {found[number]}; skipped")
        else:
            found[number] = name
    numbers = sorted(found)
    names = tuple(found[number] for number in numbers)
    return NumberedFrames(FrameFiles(folder, names), tuple(numbers), tuple(repairs))


def _place(names: list[list[str]]) -> int:
    """Return which number of the names is that of the frame, counted from the last one, which is 1."""
    for place in range(1, max(map(len, names), default=0) + 1):
        if 2 * len({int(digits[-place]) for digits in names if len(digits) >= place}) > len(names):
            return place
    return 1


def missing_frames(numbers: Sequence[int]) -> list[str]:
    """Name the gaps in rising frame numbers; empty if there are none.

    >>> missing_frames([3, 4, 6])
    ['1 frame(s) missing (5); no consecutive pair spans the gap']
    """
    absent = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    if not absent:
        return []
    return [f"{absent} frame(s) missing ({_gaps(numbers)}); no consecutive pair spans the gap"]


def _gaps(numbers: Sequence[int]) -> str:
    gaps = [(a + 1, b - 1) for a, b in pairwise(numbers) if b - a > 1]
    named = [f"{a}" if a == b else f"{a}-{b}" for a, b in gaps[:_NAMED]]
    return ", ".join(named + ["..."] * (len(gaps) > _NAMED))
