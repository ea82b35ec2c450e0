"""The folders of a corpus, each listed once: corpora have hundreds of thousands of frame files."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.io.images import IMAGE_SUFFIXES
from pipelines.io.video import VIDEO_SUFFIXES


@dataclass(frozen=True)
class FrameFiles(Sequence):
    """The picture files of a clip, as paths that are made when they are asked for.

    Attributes:
        folder: folder of the files.
        names: names of the files, in the order of time.

    Examples:
        >>> frames = FrameFiles(Path("sub01/EP02_01f"), ("img46.jpg", "img47.jpg"))
        >>> len(frames), frames[0].name
        (2, 'img46.jpg')
    """

    folder: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.names)

    def __getitem__(self, index: int | slice) -> "Path | FrameFiles":
        """Return the path of a frame, or the frames of a slice."""
        if isinstance(index, slice):
            return FrameFiles(self.folder, self.names[index])
        return self.folder / self.names[index]


@dataclass(frozen=True)
class Listing:
    """Names of the folders and files in a folder, sorted, without hidden ones.

    Attributes:
        folders: names of the folders, links to folders included.
        files: names of all other entries.
        error: why the folder cannot be listed, or None.
    """

    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    error: str | None = None

    @property
    def pictures(self) -> list[str]:
        """Names of the files that are pictures, by their suffix."""
        return [name for name in self.files if has_suffix(name, IMAGE_SUFFIXES)]


@dataclass
class FolderTree:
    """Folders below a root. Each is listed when it is first asked for, and not again.

    Attributes:
        root: the folder of a corpus.
    """

    root: Path
    _listed: dict[str, Listing] = field(default_factory=dict, repr=False)

    def listing(self, folder: Path) -> Listing:
        """Return the names in a folder; empty if there is no such folder."""
        key = str(folder)
        if key not in self._listed:
            self._listed[key] = _list(key)
        return self._listed[key]

    def has(self, *parts: str) -> bool:
        """Tell whether the root has a folder of this name in it."""
        return parts[-1] in self.listing(self.root.joinpath(*parts[:-1])).folders

    def folders(self, folder: Path) -> list[Path]:
        """Return the folders in a folder, sorted by name."""
        return [folder / name for name in self.listing(folder).folders]

    def walk(self, *roots: Path) -> Iterator[tuple[Path, Listing]]:
        """Yield each folder and those below it, sorted by path; links are followed, but not in circles."""
        seen: set[str] = set()
        pending = sorted(roots, reverse=True)
        while pending:
            folder = pending.pop()
            real = os.path.realpath(folder)
            if real in seen:
                continue
            seen.add(real)
            listing = self.listing(folder)
            yield folder, listing
            pending += [folder / name for name in reversed(listing.folders)]

    def picture_folders(self, *roots: Path) -> list[Path]:
        """Return the folders with pictures in them, sorted; and those that cannot be listed."""
        return [
            folder
            for folder, listing in self.walk(*roots)
            if listing.error or any(has_suffix(name, IMAGE_SUFFIXES) for name in listing.files)
        ]


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Tell whether a file name ends in one of these suffixes, in capitals or not."""
    return os.path.splitext(name)[1].lower() in suffixes


def is_video(name: str) -> bool:
    """Tell whether a file name is that of a video."""
    return has_suffix(name, VIDEO_SUFFIXES)


def _list(folder: str) -> Listing:
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    (folders if entry.is_dir() else files).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return Listing()
    except OSError as error:
        return Listing(error=error.strerror or str(error))
    return Listing(tuple(sorted(folders)), tuple(sorted(files)))
