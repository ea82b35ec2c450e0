"""A clip of a corpus, as every corpus reader yields it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clip:
    """One clip of a corpus.

    Attributes:
        subject: whose face it is; splits are made by it.
        name: unique in the corpus, fit for a file name.
        path: a video file or a folder of frames.
    """

    subject: str
    name: str
    path: Path
