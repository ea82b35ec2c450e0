"""Onset, apex and offset of a clip, from the numbers in a coding sheet to frames that are there."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class Phases:
    """Where an expression begins, peaks and ends.

    Attributes:
        onset, apex, offset: indices into the clip's frames, or None where they are not known.
        mended: what was wrong with the numbers, and what was done.
        unusable: why the clip cannot be used, if so.
    """

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    mended: tuple[str, ...] = ()
    unusable: str | None = None


def locate(numbers: tuple[int, ...], onset: int | None, apex: int | None, offset: int | None) -> Phases:
    """Find the frames of onset, apex and offset.

    - An onset before the first frame, or an offset behind the last one, is that frame.
    - An offset before the apex is not known.
    - An apex that nobody gave, that is not after the onset, or that lies behind the last frame is the
      midpoint between onset and offset, the usual fallback.
    - Where just that frame is missing, the one before it stands in.

    Args:
        numbers: of the clip's frames, rising, at least one.
        onset: of the sheet, in the same count; None where it has none.
        apex: likewise.
        offset: likewise.
    """
    first, last = numbers[0], numbers[-1]
    on_disk = f"frames {first}-{last} are there"
    if onset is not None and onset >= last:
        return Phases(unusable=f"its onset {onset} lies behind its frames ({on_disk})")
    if offset is not None and offset <= first:
        return Phases(unusable=f"its offset {offset} lies before its frames ({on_disk})")
    mended = []
    if onset is None:
        mended.append("the sheet has no onset; it is not known")
    elif onset < first:
        mended.append(f"its onset {onset} is before its frames ({on_disk}); the first one is taken")
        onset = first
    begin = first if onset is None else onset
    has_apex = apex is not None and begin < apex <= last
    if offset is None:
        mended.append("the sheet has no offset; it is not known")
    elif offset < (apex if has_apex else begin + 1):
        before = f"its apex {apex}" if has_apex else f"its onset {onset}"
        mended.append(f"its offset {offset} is before {before}; it is not known")
        offset = None
    elif offset > last:
        mended.append(f"its offset {offset} is behind its frames ({on_disk}); the last one is taken")
        offset = last

    onset_index = _index(numbers, "onset", onset, mended)
    offset_index = _index(numbers, "offset", offset, mended)
    if has_apex:
        apex_index = _index(numbers, "apex", apex, mended)
    else:
        apex_index, instead = None, "it is not known"
        if onset_index is not None and offset_index is not None:
            apex_index = (onset_index + offset_index) // 2
            instead = "the midpoint of onset and offset stands for it"
        wrong = f"its apex {apex} is outside of the clip (onset {onset}, {on_disk})"
        mended.append(f"{'the sheet has no apex' if apex is None else wrong}; {instead}")
    if None not in (onset_index, apex_index) and apex_index <= onset_index:
        mended.append("no frame from onset to apex is there; the apex is not known")
        apex_index = None
    return Phases(onset_index, apex_index, offset_index, tuple(mended))


def _index(numbers: tuple[int, ...], name: str, number: int | None, mended: list[str]) -> int | None:
    """Return the index of a frame number, or of the last one before it that is there, and say so."""
    if number is None:
        return None
    index = bisect_right(numbers, number) - 1
    if numbers[index] != number:
        mended.append(f"frame {number}, its {name}, is not there; frame {numbers[index]} stands for it")
    return index
