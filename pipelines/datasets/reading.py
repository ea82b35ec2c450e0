"""Result of reading a corpus: its clips, the issues found, and counts against the published ones."""

from dataclasses import dataclass, field
from typing import Literal

from pipelines.datasets.clip import Clip
from pipelines.datasets.long_video import LongVideo


@dataclass(frozen=True)
class Issue:
    """Something wrong in a corpus, and how the reader handled it.

    Attributes:
        clip: name of the clip; or of the sheet, row or folder that yields no clip.
        kind: "repaired" if the clip is used although something is missing or wrong; "skipped" if not.
        reason: what is wrong, and what was done about it.
    """

    clip: str
    kind: Literal["repaired", "skipped"]
    reason: str


@dataclass(frozen=True)
class Count:
    """Number of items found, and number published by the owner of the corpus, if any was."""

    what: str
    found: int
    published: int | None


@dataclass
class CorpusReading:
    """A corpus as read from disk.

    Attributes:
        clips: sorted by name.
        issues: repaired clips, and skipped clips, rows and folders.
        counts: found and published; empty for `folder`.
        videos: the long videos that the clips are cut from, where the corpus has such.
        release: release of the corpus, told by its sheet and folders; "" if that is unknown.
    """

    clips: list[Clip]
    issues: list[Issue] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    videos: list[LongVideo] = field(default_factory=list)
    release: str = ""
