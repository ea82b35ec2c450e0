"""Corpora on disk: each module finds the clips of one layout, and whose they are."""

from pathlib import Path

from pipelines.corpora import folder
from pipelines.corpora.clip import Clip
from pipelines.errors import InputError

CORPORA = {"folder": folder.find_clips}


def find_clips(corpus: str, source: Path) -> list[Clip]:
    """Find the clips of a corpus.

    Args:
        corpus: a key of `CORPORA`.
        source: the corpus' root folder.

    Raises:
        InputError: for an unknown corpus, or a folder that does not hold it.
    """
    if corpus not in CORPORA:
        raise InputError(f"unknown corpus {corpus!r}; there are: {', '.join(CORPORA)}")
    return CORPORA[corpus](source)
