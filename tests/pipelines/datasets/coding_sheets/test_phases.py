"""Onset, apex and offset, against cases worked out by hand; frames 100-140 are there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.datasets.coding_sheets.phases import locate

FRAMES = tuple(range(100, 141))


@pytest.mark.parametrize(
    ("sheet", "found", "says"),
    [
        ((103, 120, 135), (3, 20, 35), []),
        ((103, 135, 135), (3, 35, 35), []),  # the apex may be the last of it
        ((103, None, 135), (3, 19, 35), ["no apex in the sheet; using the midpoint"]),
        ((103, 175, 135), (3, 19, 35), ["apex 175 is outside the clip"]),
        ((103, 99, 135), (3, 19, 35), ["apex 99 is outside"]),
        ((103, 103, 135), (3, 19, 35), ["apex 103 is outside"]),  # nothing has moved in the onset
        ((103, 120, 115), (3, 20, None), ["offset 115 is before apex 120"]),
        (
            (103, None, 101),
            (3, None, None),
            ["offset 101 is before onset", "no apex in the sheet; apex unknown"],
        ),
        ((103, None, 104), (3, None, 4), ["the midpoint", "no frame between onset and apex"]),
        (
            (90, 120, 150),
            (0, 20, 40),
            ["onset 90 is before its first frame", "offset 150 is after its last frame"],
        ),
        ((None, 120, 135), (None, 20, 35), ["no onset"]),
        ((103, 120, None), (3, 20, None), ["no offset"]),
        # As some write what they do not know.
        ((103, 120, 0), (3, 20, None), ["no offset in the sheet that is a frame number"]),
        ((103, 120, -1), (3, 20, None), ["no offset"]),
        ((0, 120, 135), (None, 20, 35), ["no onset in the sheet that is a frame number"]),
        ((-1, 120, 135), (None, 20, 35), ["no onset"]),
    ],
)
def test_numbers_of_the_sheet_become_indices(sheet, found, says):
    phases = locate(FRAMES, *sheet)
    assert (phases.onset, phases.apex, phases.offset) == found
    assert phases.unusable is None
    assert len(phases.repairs) == len(says)
    for repairs, words in zip(phases.repairs, says, strict=True):
        assert words in repairs


@pytest.mark.parametrize(("sheet", "says"), [((140, 150, 160), "onset 140"), ((10, 20, 100), "offset 100")])
def test_codes_of_other_frames_cannot_be_used(sheet, says):
    phases = locate(FRAMES, *sheet)
    assert says in phases.unusable
    assert "100-140" in phases.unusable


def test_frames_may_begin_at_0():
    phases = locate(tuple(range(21)), 0, 8, 16)
    assert (phases.onset, phases.apex, phases.offset, phases.repairs) == (0, 8, 16, ())


def test_the_midpoint_is_one_of_numbers():
    """Frames 110 to 119 are not there: the middle of 103 and 135 is 119, and the one before it is 109."""
    phases = locate((*range(100, 110), *range(120, 141)), 103, None, 135)
    assert (phases.onset, phases.apex, phases.apex_is_midpoint) == (3, 9, True)
    assert not locate(FRAMES, 103, 120, 135).apex_is_midpoint
    assert locate((1, 8, 9, 10), 1, None, 10).apex == 1  # the middle, 5, is not there, nor any before it


def test_a_frame_that_is_not_there():
    phases = locate((100, 101, 105, 106, 107), 101, 104, 107)
    # 104 is not there, and what stands for it is the onset
    assert (phases.onset, phases.apex, phases.offset) == (1, None, 4)
    assert phases.repairs[0] == "frame 104 (apex) is missing; using frame 101"
    phases = locate((100, 101, 102, 105, 107), 101, 104, 106)
    assert (phases.onset, phases.apex, phases.offset) == (1, 2, 3)
    assert len(phases.repairs) == 2


NUMBER = st.none() | st.integers(90, 150)


@given(st.sets(st.integers(100, 140), min_size=1), NUMBER, NUMBER, NUMBER)
def test_phases_are_in_order_and_in_the_clip(numbers, onset, apex, offset):
    phases = locate(tuple(sorted(numbers)), onset, apex, offset)
    known = [index for index in (phases.onset, phases.apex, phases.offset) if index is not None]
    assert all(0 <= index < len(numbers) for index in known)
    assert known == sorted(known)
    if None not in (phases.onset, phases.apex):
        assert phases.onset < phases.apex
    as_typed = (onset, apex, offset) == tuple(
        None if index is None else sorted(numbers)[index]
        for index in (phases.onset, phases.apex, phases.offset)
    )
    assert as_typed or phases.repairs or phases.unusable  # nothing is changed in silence
