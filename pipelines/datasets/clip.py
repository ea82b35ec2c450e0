"""A clip of a corpus, as every corpus reader yields it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: Reads the corpus' own landmarks of a clip: for each frame float32 [N, 2], (x, y) in pixels as the owner
#: wrote them, or None where the owner has none. N is 68 in CK+ and 49 in BP4D. Can be pickled.
Landmarks = Callable[[], list[np.ndarray | None]]


@dataclass(frozen=True)
class ActionUnit:
    """A movement as a FACS coder wrote it down.

    Attributes:
        number: number of the unit, such as 12.
        side: "L" or "R" of the subject; None if both sides move or none was coded.
        intensity: a letter "A" to "E", a number where the corpus counts (0-5), or None.
        alternatives: what the coder may have seen in its place: `(R6 or R12)+R15` is two units, the first of
            which is R6 with the alternative R12.
        uncertain: whether the coder marked the unit as uncertain, as 4DME's `4(k)`.
    """

    number: int
    side: str | None = None
    intensity: str | float | None = None
    alternatives: tuple["ActionUnit", ...] = ()
    uncertain: bool = False


@dataclass(frozen=True)
class Clip:
    """One clip of a corpus.

    Attributes:
        subject: person whose face is seen; splits are by subject.
        name: unique in the corpus, fit for a file name.
        path: a video file or a folder of frames.
        frames: the pictures in the order of time; None for all that `pipelines.io.video.read_frames(path)`
            yields.
        numbers: the corpus' own frame numbers, rising, one a frame; None where there are none. A frame that
            is missing on disk is a gap in them.
        onset: index into the clip's frames (not the corpus' number) of the last neutral frame, if known.
        apex: index of the frame with the strongest expression, if known; later than the onset.
        apex_is_midpoint: whether no apex was coded, and the midpoint of onset and offset stands for it.
        offset: index of the frame in which the face is neutral again, if known; not before the apex.
        action_units: the units that were coded in the clip.
        emotion: the owner's label, in lower case, if there is one.
        landmarks: reads the corpus' own landmarks, if it has any.
        rate: frames per second at which the corpus was recorded, where the sheet states it.
    """

    subject: str
    name: str
    path: Path
    frames: Sequence[Path] | None = None
    numbers: tuple[int, ...] | None = None
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    action_units: tuple[ActionUnit, ...] = ()
    emotion: str | None = None
    landmarks: Landmarks | None = None
    rate: float | None = None
    apex_is_midpoint: bool = False
