"""Corpora on disk: each module reads the clips of one layout, and whose they are."""

from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.corpora import bp4d, casme2, ckplus, folder, samm, smic
from pipelines.datasets.counts import count
from pipelines.datasets.reading import CorpusReading
from pipelines.errors import InputError
from pipelines.files import check_exists

#: Name -> the module whose `read(source)` reads that corpus.
CORPORA = {"bp4d": bp4d, "ckplus": ckplus, "casme2": casme2, "samm": samm, "smic": smic, "folder": folder}


def read_corpus(corpus: str, source: Path | str) -> CorpusReading:
    """Read the clips of a corpus, and what had to be done about them.

    Args:
        corpus: a key of `CORPORA`.
        source: the corpus' root folder.

    Raises:
        InputError: for an unknown corpus, or a folder that does not hold it; it says which one it looks like.
    """
    if corpus not in CORPORA:
        raise InputError(f"unknown corpus {corpus!r}; there are: {', '.join(CORPORA)}")
    source = check_exists(Path(source))
    if not source.is_dir():
        raise InputError(f"{source}: not a folder")
    alike = [name for name, module in CORPORA.items() if name != "folder" and module.looks_like(source)]
    if corpus not in alike:
        if alike:
            raise InputError(
                f"{source}: this looks like {CORPORA[alike[0]].TITLE}; use --corpus {alike[0]}, not {corpus}"
            )
        if corpus != "folder":
            module = CORPORA[corpus]
            raise InputError(f"{source}: not {module.TITLE}, which has {module.LAYOUT} (see docs/corpora.md)")
    reading = CORPORA[corpus].read(source)
    if not reading.clips:
        why = f"; {reading.issues[0].clip}: {reading.issues[0].reason}" if reading.issues else ""
        raise InputError(f"{source}: no clip of {CORPORA[corpus].TITLE} in it can be used{why}")
    reading.counts = count(corpus, reading.clips)
    return reading


def find_clips(corpus: str, source: Path | str) -> list[Clip]:
    """Return the clips of a corpus alone; see `read_corpus`."""
    return read_corpus(corpus, source).clips
