"""Any folder of clips: `SUBJECT/CLIP.mp4`, `SUBJECT/CLIP/0001.png`, deeper, or all of them side by side."""

from pathlib import Path

from pipelines.clips import is_clip
from pipelines.corpora.clip import Clip
from pipelines.errors import InputError
from pipelines.files import check_exists


def find_clips(source: Path) -> list[Clip]:
    """Find the video files and picture folders below a folder.

    The first folder below `source` names the subject. A clip that lies in `source` itself is a subject of
    its own, so put the clips of one person into one folder: a person on both sides of a split makes every
    figure too good.

    Raises:
        InputError: if `source` is absent or has no clip in it.
    """
    source = check_exists(Path(source))
    if not source.is_dir():
        raise InputError(f"{source}: not a folder")
    if is_clip(source):
        return [Clip(source.name, source.name, source)]
    clips = []
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if any(part.startswith(".") for part in relative.parts) or not is_clip(path):
            continue
        clips.append(Clip(relative.with_suffix("").parts[0], "-".join(relative.with_suffix("").parts), path))
    if not clips:
        raise InputError(f"{source}: no clips in it (video files, or folders of pictures)")
    names = [clip.name for clip in clips]
    if twins := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{source}: two clips come to the same name {twins[0]!r}; rename one of them")
    return clips
