"""Corpora on disk: each module reads the clips of one layout, with subjects, codes and labels."""

from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.corpora import (
    bp4d,
    casme2,
    casme3,
    casme_squared,
    ckplus,
    dfme,
    folder,
    fourdme,
    mmew,
    samm,
    samm_long,
    smic,
)
from pipelines.datasets.counts import count
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.reading import CorpusReading
from pipelines.errors import InputError
from pipelines.files import check_exists

#: Name -> the module whose `read(tree)` reads that corpus.
CORPORA = {
    "casme2": casme2,
    "casme3": casme3,
    "casme_squared": casme_squared,
    "dfme": dfme,
    "fourdme": fourdme,
    "mmew": mmew,
    "samm": samm,
    "samm_long": samm_long,
    "smic": smic,
    "ckplus": ckplus,
    "bp4d": bp4d,
    "folder": folder,
}


def read_corpus(corpus: str, source: Path | str) -> CorpusReading:
    """Read the clips of a corpus. Pictures are not opened.

    Args:
        corpus: a key of `CORPORA`.
        source: the corpus' root folder.

    Returns:
        Clips, issues, and counts against the published ones.

    Raises:
        InputError: for an unknown corpus, or a folder that does not hold it; it says which one it looks like.

    Examples:
        >>> reading = read_corpus("casme2", "CASME2")  # doctest: +SKIP
        >>> reading.clips[0].name, reading.clips[0].emotion  # doctest: +SKIP
        ('sub01-EP02_01f', 'happiness')
    """
    if corpus not in CORPORA:
        raise InputError(f"unknown corpus {corpus!r}; use one of: {', '.join(CORPORA)}")
    source = check_exists(Path(source))
    if not source.is_dir():
        raise InputError(f"{source}: not a folder")
    tree, module = FolderTree(source), CORPORA[corpus]
    if corpus == "folder" or not module.looks_like(tree):
        other = next((name for name in CORPORA if name != "folder" and CORPORA[name].looks_like(tree)), None)
        # Without its coding sheet a corpus is a folder of clips like any other.
        if other and (corpus != "folder" or _is_complete(other, tree)):
            raise InputError(
                f"{source}: this looks like {CORPORA[other].TITLE}; use --corpus {other}, not {corpus}"
            )
        if corpus != "folder":
            raise InputError(f"{source}: not {module.TITLE}, which has {module.LAYOUT} (see docs/corpora.md)")
    reading = module.read(tree)
    if not reading.clips:
        why = f"; {reading.issues[0].clip}: {reading.issues[0].reason}" if reading.issues else ""
        raise InputError(f"{source}: no clip of {module.TITLE} in it can be used{why}")
    reading.counts = count(corpus, reading)
    return reading


def _is_complete(corpus: str, tree: FolderTree) -> bool:
    try:
        CORPORA[corpus].read(tree)
    except InputError:
        return False
    return True


def find_clips(corpus: str, source: Path | str) -> list[Clip]:
    """Return the clips of a corpus alone; see `read_corpus`."""
    return read_corpus(corpus, source).clips
