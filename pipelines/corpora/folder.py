"""Any folder of clips: `SUBJECT/CLIP.mp4`, `SUBJECT/CLIP/0001.png`, deeper, or all of them side by side."""

import os
from pathlib import Path

from pipelines.clips import is_clip
from pipelines.corpora.clip import Clip
from pipelines.corpora.reading import CorpusReading
from pipelines.errors import InputError


def read(source: Path) -> CorpusReading:
    """Find the video files and picture folders below a folder.

    The first folder below `source` names the subject. A clip that lies in `source` itself is a subject of
    its own, so put the clips of one person into one folder: a person on both sides of a split makes every
    figure too good.

    Raises:
        InputError: if `source` has no clip in it.
    """
    clips = []
    for path in _below(source):
        if is_clip(path):
            parts = path.relative_to(source).with_suffix("").parts
            clips.append(Clip(parts[0], "-".join(parts), path))
    if not clips and is_clip(source):
        return CorpusReading([Clip(source.name, source.name, source)])
    if not clips:
        raise InputError(f"{source}: no clips in it (video files, or folders of pictures)")
    names = [clip.name for clip in clips]
    if twins := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{source}: two clips come to the same name {twins[0]!r}; rename one of them")
    return CorpusReading(clips)


def _below(folder: Path) -> list[Path]:
    """Return all that is below a folder but hidden, in order; links are followed, but not in circles."""
    found, seen = [], set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root), *(Path(root, name) for name in files if not name.startswith("."))]
    return sorted(found[1:])
