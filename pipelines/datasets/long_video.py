"""A long video of a corpus, in which macro- and micro-expressions are to be spotted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.datasets.clip import ActionUnit
from pipelines.datasets.folder_tree import FrameFiles

Kind = Literal["macro", "micro"]
KINDS: tuple[Kind, ...] = ("macro", "micro")


@dataclass(frozen=True)
class Expression:
    """An expression that was coded in a long video.

    Attributes:
        name: name of the expression, unique in the corpus.
        kind: "macro", or "micro" for those of at most half a second.
        onset, apex, offset: indices into the video's frames; the apex is None where it is unknown. The offset
            is the last frame of the interval that spotting has to find.
        emotion: the owner's label, in lower case, if there is one.
        action_units: Action Units that were coded.
    """

    name: str
    kind: Kind
    onset: int
    apex: int | None
    offset: int
    emotion: str | None = None
    action_units: tuple[ActionUnit, ...] = ()

    @property
    def interval(self) -> tuple[int, int]:
        """First and last frame, both included."""
        return self.onset, self.offset


@dataclass(frozen=True)
class LongVideo:
    """A long video and what is coded in it.

    Attributes:
        subject: name of the subject; splits are made by it.
        name: unique in the corpus.
        path: folder of the frames.
        frames: picture files in the order of time.
        rate: frames per second.
        expressions: expressions in the order of time; empty for a video in which none was coded.
    """

    subject: str
    name: str
    path: Path
    frames: FrameFiles
    rate: float
    expressions: tuple[Expression, ...] = ()
