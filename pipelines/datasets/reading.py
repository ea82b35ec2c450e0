"""What reading a corpus came to: its clips, and everything about them that is not as its owner wrote it."""

from dataclasses import dataclass, field
from typing import Literal

from pipelines.datasets.clip import Clip


@dataclass(frozen=True)
class Remark:
    """Something that a reader did with a corpus, and why.

    Attributes:
        clip: name of the clip; or of the sheet, row or folder, where no clip came of it.
        kind: "mended" if the clip is used although something of it is missing or wrong; "left_out" if not.
        reason: what was wrong, and what was done.
    """

    clip: str
    kind: Literal["mended", "left_out"]
    reason: str


@dataclass(frozen=True)
class Count:
    """How many of something there are, and how many the owner published."""

    what: str
    found: int
    published: int


@dataclass
class CorpusReading:
    """A corpus as it was read.

    Attributes:
        clips: in the order of their names.
        remarks: what was mended, and what was left out.
        counts: found against published; empty for `folder`.
    """

    clips: list[Clip]
    remarks: list[Remark] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
