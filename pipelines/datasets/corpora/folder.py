"""Any folder of clips: `SUBJECT/CLIP.mp4`, `SUBJECT/CLIP/0001.png`, deeper, or all of them side by side."""

from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.frames import walk
from pipelines.datasets.reading import CorpusReading
from pipelines.errors import InputError
from pipelines.io.video import is_clip


def read(source: Path) -> CorpusReading:
    """Find the video files and picture folders below a folder.

    The first folder below `source` names the subject. A clip that lies in `source` itself is a subject of
    its own, so put the clips of one person into one folder: a person on both sides of a split makes every
    figure too good.

    Raises:
        InputError: if `source` has no clip in it.
    """
    clips = []
    below = [path for folder, files in walk(source) for path in (folder, *files) if path != source]
    for path in sorted(below):
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
