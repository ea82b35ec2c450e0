"""Onset, apex and offset of a clip, from the numbers in a coding sheet to frames that are there."""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class Phases:
    """Where an expression begins, peaks and ends.

    Attributes:
        onset, apex, offset: indices into the clip's frames, or None where they are not known.
        apex_is_midpoint: whether the apex is the midpoint of onset and offset because none was coded.
        repairs: what was wrong with the numbers, and how it was repaired.
        unusable: why the clip cannot be used, or None.
    """

    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    apex_is_midpoint: bool = False
    repairs: tuple[str, ...] = ()
    unusable: str | None = None


def locate(
    numbers: tuple[int, ...],
    onset: int | None,
    apex: int | None,
    offset: int | None,
    is_open: bool = False,
) -> Phases:
    """Find the frames of onset, apex and offset.

    - An onset or offset of 0 or below, as some write what they do not know, is unknown, unless frames have
      such numbers.
    - An onset before the first frame becomes the first frame, an offset after the last one the last frame.
    - An offset before the apex becomes unknown.
    - An apex that is missing, not after the onset, or after the last frame becomes the midpoint of onset and
      offset, the usual fallback.
    - Where the frame itself is missing on disk, the one before it is used.

    Args:
        numbers: numbers of the clip's frames, rising, at least one.
        onset: onset in the sheet, counted like `numbers`; None where it has none.
        apex: likewise.
        offset: likewise.
        is_open: whether the offset is known to be none, which needs no repair.
    """
    first, last = numbers[0], numbers[-1]
    on_disk = f"frames {first}-{last} on disk"
    onset = None if is_no_frame(onset, first) else onset
    offset = None if is_no_frame(offset, max(first, 1)) else offset
    if onset is not None and onset >= last:
        return Phases(unusable=f"onset {onset} is after its last frame ({on_disk})")
    if offset is not None and offset <= first:
        return Phases(unusable=f"offset {offset} is before its first frame ({on_disk})")
    repairs = []
    if onset is None:
        repairs.append("no onset in the sheet that is a frame number; onset unknown")
    elif onset < first:
        repairs.append(f"onset {onset} is before its first frame ({on_disk}); using the first frame")
        onset = first
    begin = first if onset is None else onset
    has_apex = apex is not None and begin < apex <= last
    if offset is None:
        repairs += [] if is_open else ["no offset in the sheet that is a frame number; offset unknown"]
    elif offset < (apex if has_apex else begin + 1):
        before = f"apex {apex}" if has_apex else f"onset {onset}"
        repairs.append(f"offset {offset} is before {before}; offset unknown")
        offset = None
    elif offset > last:
        repairs.append(f"offset {offset} is after its last frame ({on_disk}); using the last frame")
        offset = last

    onset_index = _index(numbers, "onset", onset, repairs)
    offset_index = _index(numbers, "offset", offset, repairs)
    is_midpoint = not has_apex and None not in (onset_index, offset_index)
    if has_apex:
        apex_index = _index(numbers, "apex", apex, repairs)
    else:
        apex_index, instead = None, "apex unknown"
        if is_midpoint:
            # By the numbers, because frames may be missing.
            middle = bisect_right(numbers, (numbers[onset_index] + numbers[offset_index]) // 2) - 1
            apex_index = middle if middle > onset_index else min(onset_index + 1, offset_index - 1)
            instead = "using the midpoint of onset and offset"
        wrong = f"apex {apex} is outside the clip (onset {onset}, {on_disk})"
        repairs.append(f"{'no apex in the sheet' if apex is None else wrong}; {instead}")
    if None not in (onset_index, apex_index) and apex_index <= onset_index:
        repairs.append("no frame between onset and apex on disk; apex unknown")
        apex_index = None
    is_midpoint = is_midpoint and apex_index is not None
    return Phases(onset_index, apex_index, offset_index, is_midpoint, tuple(repairs))


def is_no_frame(number: int | None, first: int) -> bool:
    """Tell whether a number in a sheet means that there is none: 0 or below, and before the first frame."""
    return number is not None and number <= 0 and number < first


def _index(numbers: tuple[int, ...], name: str, number: int | None, repairs: list[str]) -> int | None:
    """Return the index of a frame number, or of the last one before it that is there, and say so."""
    if number is None:
        return None
    index = bisect_right(numbers, number) - 1
    if numbers[index] != number:
        repairs.append(f"frame {number} ({name}) is missing; using frame {numbers[index]}")
    return index
