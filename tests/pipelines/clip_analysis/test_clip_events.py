from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pipelines.clip_analysis.clip_events import FoundEvent, expression_events, without_turns

NAMES = ("brows right", "brows left", "mouth right", "mouth left")
RATE = 50.0


def clip(*humps, seconds=8.0, noise=0.03, drift=0.0, seed=0):
    """Motion of four regions: humps of (start, length, regions, pixels), sin squared, on noise."""
    times = np.arange(round(seconds * RATE)) / RATE
    motion = np.random.default_rng(seed).normal(0, noise, (len(times), len(NAMES), 2))
    motion += drift * np.sin(2 * np.pi * times / 16)[:, None, None]
    for start, length, regions, pixels in humps:
        phase = np.clip((times - start) / length, 0, 1)
        motion[:, regions, 1] -= pixels * np.sin(np.pi * phase)[:, None] ** 2
    return motion, times


def test_micro_and_macro_by_their_duration():
    motion, times = clip((2.0, 0.4, [2, 3], 2.0), (5.0, 1.6, [0, 1], 5.0))
    first, second = expression_events(motion, NAMES, times)
    assert (first.kind, second.kind) == ("micro", "macro")
    assert first.region.startswith("mouth")
    assert second.region.startswith("brows")
    for event, start, length in ((first, 2.0, 0.4), (second, 5.0, 1.6)):
        assert times[event.apex] == pytest.approx(start + length / 2, abs=0.04)
        # sin^2 has a quarter of its height at a sixth of its length.
        assert times[event.onset] == pytest.approx(start + length / 6, abs=0.06)
        assert times[event.offset] == pytest.approx(start + 5 * length / 6, abs=0.06)


@pytest.mark.parametrize("reference", [0.0, 12.0])
def test_the_apex_of_a_held_expression_is_its_middle(reference):
    """Also if the reference frame is not at rest, so that everything else is far from it."""
    motion, times = clip(seconds=6.0)
    motion[..., 1] -= reference
    # It rises in .3 s, is held for 1.2 s, and falls slowly, as a face does after a grin.
    level = np.interp(times, [2.0, 2.3, 3.5, 5.1], [0, 1, 1, 0])
    motion[:, [2, 3], 1] -= 5.0 * (np.sin(np.pi / 2 * level) ** 2)[:, None]
    (event,) = expression_events(motion, NAMES, times)
    assert event.kind == "macro"
    assert times[event.apex] == pytest.approx(2.9, abs=0.15)


@pytest.mark.parametrize("shoulder", [0.89, 0.91])
def test_a_shoulder_of_a_held_expression_hardly_moves_its_apex(shoulder):
    """It lies just below or above nine tenths of the height; the highest part is from 3.5 s to 4 s."""
    motion, times = clip(seconds=6.0, noise=0.01)
    level = np.interp(times, [2.0, 2.3, 3.4, 3.5, 4.0, 4.3], [0, shoulder, shoulder, 1, 1, 0])
    motion[:, [2, 3], 1] -= 5.0 * level[:, None]
    (event,) = expression_events(motion, NAMES, times)
    assert times[event.apex] == pytest.approx(3.75, abs=0.25)


def test_nothing_in_a_still_face():
    assert expression_events(*_named(clip(noise=0.05))) == []
    assert expression_events(*_named(clip(noise=0.05, drift=1.5))) == []


def test_a_micro_expression_on_a_head_that_turns():
    motion, times = clip((3.0, 0.4, [2, 3], 2.0), drift=1.5)
    (event,) = expression_events(motion, NAMES, times)
    assert (event.kind, times[event.apex]) == ("micro", pytest.approx(3.2, abs=0.04))


def test_frames_that_are_not_known_are_no_event():
    motion, times = clip((2.0, 0.4, [2, 3], 2.0))
    motion[250:300] = np.nan
    motion[:, 0] = np.nan  # a region that is never seen
    (event,) = expression_events(motion, NAMES, times)
    assert times[event.apex] == pytest.approx(2.2, abs=0.04)


def test_durations_are_those_of_the_time_stamps():
    """A webcam halves its rate when the light is dim: .8 to 1.2 s there are 12 to 18 frames."""
    bright, dim = np.arange(600) / 30, 20 + np.arange(75) / 15
    times = np.concatenate([bright, dim])
    for length in (0.8, 1.0, 1.2):
        motion = np.random.default_rng(1).normal(0, 0.02, (len(times), len(NAMES), 2))
        phase = np.clip((times - 22) / length, 0, 1)
        motion[:, [2, 3], 1] -= 3 * np.sin(np.pi * phase)[:, None] ** 2
        (event,) = expression_events(motion, NAMES, times)
        assert event.kind == "macro"
        assert times[event.apex] == pytest.approx(22 + length / 2, abs=0.07)
        assert times[event.onset] == pytest.approx(22 + length / 6, abs=0.11)


@pytest.mark.parametrize("missing", [1, 2, 6, 30])
def test_a_slow_change_with_frames_without_a_face_is_no_event(missing):
    times = np.arange(250) / 25
    motion = np.zeros((250, len(NAMES), 2))
    motion[..., 1] = 3 * np.exp(-np.square((times - 4) / 2))[:, None]
    assert expression_events(motion, NAMES, times) == []
    motion[100 : 100 + missing] = np.nan
    assert expression_events(motion, NAMES, times) == []


def test_a_lost_frame_does_not_divide_an_expression():
    motion, times = clip((3.0, 1.6, [2, 3], 5.0))
    (whole,) = expression_events(motion, NAMES, times)
    motion[whole.apex] = np.nan
    (event,) = expression_events(motion, NAMES, times)
    assert (event.kind, event.onset, event.offset) == ("macro", whole.onset, whole.offset)
    assert event.apex != whole.apex
    assert event.apex == pytest.approx(whole.apex, abs=2)


def test_the_apex_is_a_frame_with_a_face():
    motion, times = clip((2.0, 0.4, [2, 3], 2.0))
    motion[108:112] = np.nan  # 80 ms around its peak at 2.2 s
    (event,) = expression_events(motion, NAMES, times)
    assert (event.kind, event.apex in (107, 112)) == ("micro", True)
    motion[104:120] = np.nan  # longer than a short gap
    assert expression_events(motion, NAMES, times) == []


def test_an_expression_ends_in_a_frame_with_a_face():
    motion, times = clip((3.0, 1.6, [2, 3], 5.0))
    motion[200:] = np.nan  # the face leaves before the mouth is at rest
    (event,) = expression_events(motion, NAMES, times)
    assert event.offset == 199


def test_short_clips():
    assert expression_events(np.zeros((1, 4, 2)), NAMES, np.zeros(1)) == []
    assert expression_events(np.full((5, 4, 2), np.nan), NAMES, np.arange(5) / 25) == []


def test_what_turns_leave_is_no_expression():
    event = FoundEvent("micro", 10, 14, 20, 0.5, "jaw left")
    later = FoundEvent("micro", 30, 34, 40, 0.5, "jaw left")
    head = np.zeros((50, 2))
    assert without_turns([event, later], head) == [event, later]
    head[10:21, 0] = 3 * np.sin(np.linspace(0, np.pi, 11))  # there and back
    head[35] = np.nan
    assert without_turns([event, later], head) == [later]
    # A turn that goes on in one direction leaves nothing that rises and falls.
    steady = np.zeros((50, 2))
    steady[10:21, 0] = np.linspace(0, 3, 11)
    assert without_turns([event], steady) == [event]
    # A large peak is more than a turn leaves.
    assert without_turns([FoundEvent("micro", 10, 14, 20, 2.0, "jaw left")], head) != []
    macro = FoundEvent("macro", 10, 14, 20, 0.5, "jaw left")
    assert without_turns([macro], steady * 0.6) == [macro]
    assert without_turns([macro], steady) == []


def test_who_speaks_moves_without_a_pause():
    """Syllables of .2 s one after the other are one macro-expression."""
    motion, times = clip(*((2 + 0.2 * k, 0.2, [2, 3], 3.0) for k in range(6)))
    (event,) = expression_events(motion, NAMES, times)
    assert event.kind == "macro"
    assert times[event.onset] == pytest.approx(2.0, abs=0.1)
    assert times[event.offset] == pytest.approx(3.2, abs=0.1)


def test_a_mouth_that_closes_in_speech_is_no_micro_expression():
    """The apex of speech is its largest movement, here the third of four."""
    openings = ((1.0 + 0.45 * k, 0.5, [2, 3], height) for k, height in enumerate((3.0, 3.0, 4.0, 3.0)))
    motion, times = clip(*openings, noise=0.01)
    (event,) = expression_events(motion, NAMES, times)
    assert event.kind == "macro"
    assert times[event.apex] == pytest.approx(2.15, abs=0.05)
    assert times[event.onset] == pytest.approx(1.08, abs=0.05)
    assert times[event.offset] == pytest.approx(2.77, abs=0.05)


def test_a_micro_expression_just_before_speech_is_one_of_its_own():
    """It is much smaller than what speech moves, and so not its first syllable."""
    speech = ((2.5 + 0.2 * k, 0.2, [2, 3], 3.0) for k in range(6))
    motion, times = clip((2.0, 0.4, [0, 1], 0.5), *speech, noise=0.01)
    first, second = expression_events(motion, NAMES, times)
    assert (first.kind, second.kind) == ("micro", "macro")
    assert times[first.apex] == pytest.approx(2.2, abs=0.04)


def test_an_event_does_not_reach_back_where_the_reference_is_not_at_rest():
    """All frames differ from the reference by 1 px, and on the way of a mouth its own motion undoes that."""
    motion, times = clip((4.0, 0.6, [2, 3], 2.0), (4.8, 0.8, [2, 3], 6.0), noise=0.01)
    motion[:, :, 0] += 1.0
    motion[round(4.62 * RATE) : round(4.74 * RATE)] = 0.0
    events = expression_events(motion, NAMES, times)
    assert events
    assert min(times[event.onset] for event in events) > 3.9


def _named(made):
    motion, times = made
    return motion, NAMES, times


def test_the_answer_of_an_event():
    event = FoundEvent("micro", 1, 2, 3, 0.5, "mouth")
    assert event.answer == ""
    assert replace(event, label="positive", probability=0.874).answer == "positive 87%"
    assert replace(event, label="no Action Unit").answer == "no Action Unit"


def test_macro_expressions_do_not_overlap():
    """ELAN has no place for two annotations of a tier at once."""
    rng = np.random.default_rng(67)
    for _ in range(60):
        humps = [(t, rng.uniform(0.2, 2), [0, 1, 2, 3], rng.uniform(1, 8)) for t in rng.uniform(0, 7, 8)]
        motion, times = clip(*humps, seed=int(rng.integers(1000)))
        macro = [event for event in expression_events(motion, NAMES, times) if event.kind == "macro"]
        for before, after in pairwise(macro):
            assert before.offset <= after.onset <= after.apex <= after.offset
