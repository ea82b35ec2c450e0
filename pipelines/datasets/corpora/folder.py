"""Any folder of clips: `SUBJECT/CLIP.mp4`, `SUBJECT/CLIP/0001.png`, deeper, or all of them side by side."""

from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.folder_tree import FolderTree, is_video
from pipelines.datasets.reading import CorpusReading
from pipelines.errors import InputError

TITLE = "any folder"


def read(tree: FolderTree) -> CorpusReading:
    """Find the video files and picture folders below a folder.

    The first folder below the root names the subject. A clip that lies in the root itself is a subject of its
    own, so put the clips of one person into one folder: a person on both sides of a split makes every figure
    too good.

    Raises:
        InputError: if there is no clip, or two come to the same name.
    """
    source = tree.root
    found: list[Path] = []
    for folder, listing in tree.walk(source):
        found += [folder / name for name in listing.files if is_video(name)]
        # A folder that cannot be listed is a clip that fails, rather than one that is missing in silence.
        if folder != source and (listing.error or listing.pictures):
            found.append(folder)
    clips = []
    for path in sorted(found):
        within = path.relative_to(source)
        parts = (within.with_suffix("") if is_video(path.name) and path.is_file() else within).parts
        clips.append(Clip(parts[0], "-".join(parts), path))
    if not clips and tree.listing(source).pictures:
        return CorpusReading([Clip(source.name, source.name, source)])
    if not clips:
        raise InputError(f"{source}: no clips in it (video files, or folders of pictures)")
    names = [clip.name for clip in clips]
    if twins := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{source}: two clips come to the same name {twins[0]!r}; rename one of them")
    return CorpusReading(clips)
