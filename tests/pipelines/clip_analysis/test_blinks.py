import numpy as np
import pytest

from pipelines.clip_analysis.blinks import blink_events, without_blinks
from pipelines.clip_analysis.clip_events import FoundEvent

RATE = 50.0
CLOSING = [0.8, 0.6, 0.3, 0.1, 0.05, 0.1, 0.3, 0.6, 0.8, 0.9]


def of_both(openings):
    return blink_events(np.stack([openings, openings], axis=1), np.arange(len(openings)) / RATE)


def test_blinks():
    openings = np.ones(200)
    openings[40:50] = CLOSING
    openings[100:160] = 0.1  # closed eyes are no blink
    openings[190:] = np.nan
    (blink,) = of_both(openings)
    assert (blink.kind, blink.apex, blink.peak) == ("blink", 44, pytest.approx(0.95))
    assert 39 <= blink.onset <= 41
    assert 47 <= blink.offset <= 50


def test_a_blink_behind_glasses():
    """Face Mesh brings the lids down to .6 of their opening there, and its noise is .05."""
    openings = 1 + np.random.default_rng(0).normal(0, 0.02, 200)
    openings[100:108] = [0.9, 0.75, 0.6, 0.55, 0.6, 0.75, 0.9, 0.95]
    (blink,) = of_both(openings)
    assert blink.apex == 103


def test_a_blink_of_eyes_that_are_wider_than_in_the_reference_frame():
    """They close to .75 of the reference, which is .6 of what they were before and after."""
    openings = np.full(200, 1.25)
    openings[100:108] = [1.1, 0.95, 0.8, 0.75, 0.8, 0.95, 1.1, 1.2]
    (blink,) = of_both(openings)
    assert (blink.apex, blink.peak) == (103, pytest.approx(0.4))


def test_eyes_that_open_wide_do_not_blink_afterwards():
    for seconds in (0.3, 0.8, 1.5, 3):
        openings = np.ones(400)
        openings[100 : 100 + round(seconds * RATE)] = 1.7
        assert of_both(openings) == []


def test_surprised_eyes_that_are_as_before_for_a_moment():
    openings = np.full(300, 1.45)
    openings[100:115] = 1.0
    assert of_both(openings) == []


def test_a_wink_is_no_blink():
    openings = np.ones((200, 2))
    openings[40:50, 0] = CLOSING
    assert blink_events(openings, np.arange(200) / RATE) == []
    openings[40:50, 1] = CLOSING
    assert len(blink_events(openings, np.arange(200) / RATE)) == 1


def test_eyes_that_nobody_saw_open_are_no_blink():
    """Closed for 2 s; the face is lost meanwhile, or the clip ends."""
    openings = np.ones(200)
    openings[30:130] = 0.1
    openings[35:125] = np.nan
    assert of_both(openings) == []
    assert of_both(np.concatenate([np.full(10, 0.1), np.ones(50)])) == []
    assert of_both(np.concatenate([np.ones(50), np.full(10, 0.1)])) == []


def test_a_face_that_is_lost_for_a_frame_of_a_blink():
    openings = np.ones(200)
    openings[40:50] = CLOSING
    openings[44] = np.nan
    (blink,) = of_both(openings)
    assert blink.apex in (43, 45)
    assert of_both(np.full(20, np.nan)) == of_both(np.ones(1)) == []


def test_time_stamps_tell_how_long_the_eyes_are_closed():
    """Eight frames are .16 s at 50 frames a second, and .8 s at ten."""
    openings = np.ones((200, 2))
    openings[140:150] = np.array(CLOSING)[:, None]
    times = np.concatenate([np.arange(100) / 50, 2 + np.arange(100) / 10])
    assert blink_events(openings, times) == []


def test_what_a_blink_leaves_is_no_expression():
    event = FoundEvent("micro", 10, 14, 20, 0.5, "jaw left")
    later = FoundEvent("micro", 30, 34, 40, 0.5, "jaw left")
    assert without_blinks([event, later], [FoundEvent("blink", 12, 15, 19, 1, "eyes")]) == [later]


def test_a_blink_before_a_smile():
    """Eyes that smile are less open than in the reference frame: that is not the foot of the blink."""
    openings = np.concatenate([np.ones(40), CLOSING, np.full(60, 0.78), np.ones(20)])
    (blink,) = of_both(openings)
    assert (blink.apex, blink.onset, blink.offset) == (44, pytest.approx(41, abs=2), pytest.approx(48, abs=2))


@pytest.mark.parametrize("closing", [
    [0.2, 0.5, 0.8, 0.95, 0.8, 0.6, 0.6, 0.75, 0.9, 0.7, 0.4, 0.1],
    [0.2, 0.5, 0.8, 0.95, 0.8, 0.6, 0.6, 0.75, 0.95, 0.7, 0.4, 0.1],
    [0.3, 0.8, 1, 1, 0.999, 1, 0.7, 0.3],
])  # fmt: skip
def test_a_blink_with_two_tops_is_one(closing):
    openings = np.ones(100)
    openings[40 : 40 + len(closing)] = 1 - np.array(closing)
    assert len(blink_events(np.stack([openings] * 2, axis=1), np.arange(100) / 30)) == 1
