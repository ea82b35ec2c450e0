"""Corpora on disk: each module reads the clips of one layout, and whose they are."""

from pathlib import Path

from pipelines.corpora import folder
from pipelines.corpora.clip import Clip
from pipelines.corpora.reading import CorpusReading
from pipelines.errors import InputError

#: Name -> the module whose `read(source)` reads that corpus.
CORPORA = {"folder": folder}


def read_corpus(corpus: str, source: Path | str) -> CorpusReading:
    """Read the clips of a corpus, and what had to be done about them.

    Args:
        corpus: a key of `CORPORA`.
        source: the corpus' root folder.

    Raises:
        InputError: for an unknown corpus, or a folder that does not hold it.
    """
    if corpus not in CORPORA:
        raise InputError(f"unknown corpus {corpus!r}; there are: {', '.join(CORPORA)}")
    return CORPORA[corpus].read(Path(source))


def find_clips(corpus: str, source: Path | str) -> list[Clip]:
    """Return the clips of a corpus alone; see `read_corpus`."""
    return read_corpus(corpus, source).clips
