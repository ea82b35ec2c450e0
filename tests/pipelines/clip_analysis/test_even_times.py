import numpy as np
import pytest

from pipelines.clip_analysis.even_times import at_constant_rate


def test_even_frames_stay_as_they_are():
    motion = np.random.default_rng(0).normal(size=(50, 3, 2))
    even = at_constant_rate(motion, 7 + np.arange(50) / 25)
    np.testing.assert_allclose(even.values, motion, atol=1e-12)
    assert even.step == pytest.approx(0.04)
    assert even.seen.all()
    assert even.frames(3, 5, 9, np.ones(50, bool)) == (3, 5, 9)


def test_rounded_time_stamps_are_even():
    times = np.round(np.arange(100) / 30, 3)  # Matroska counts in milliseconds
    even = at_constant_rate(np.arange(100.0), times)
    assert len(even.values) == 100
    assert even.step == pytest.approx(1 / 30, rel=1e-3)


def test_uneven_frames_are_interpolated_in_time():
    times = np.concatenate([np.arange(60) / 30, 2 + np.arange(30) / 15])
    even = at_constant_rate(times * 10, times)
    seconds = np.arange(len(even.values)) / 30
    np.testing.assert_allclose(even.values, seconds * 10, atol=1e-9)
    first, apex, last = even.frames(90, 100, 110, np.ones(90, bool))
    # The interval does not become longer.
    assert times[first] == pytest.approx(seconds[90], abs=1 / 30 + 1e-6)
    assert seconds[90] - 1e-6 <= times[first] <= times[apex] <= times[last] <= seconds[110] + 1e-6


def test_short_gaps_are_seen_and_long_ones_are_not():
    motion = np.arange(100.0)
    motion[20:24] = motion[50:70] = np.nan
    even = at_constant_rate(motion, np.arange(100) / 25)
    np.testing.assert_allclose(even.values, np.arange(100), atol=1e-9)
    assert even.seen.tolist() == [not 50 <= k < 70 for k in range(100)]
    assert even.frames(19, 22, 26, np.isfinite(motion)) == (19, 24, 26)
    # Between two frames there is nothing to see, however far apart they are.
    assert at_constant_rate(np.arange(5.0), np.arange(5) / 2).seen.all()


def test_nothing_is_known():
    even = at_constant_rate(np.full((5, 2), np.nan), np.arange(5) / 25)
    assert not even.seen.any()
    assert not even.values.any()


def test_a_pause_of_the_recording_does_not_fill_the_memory():
    times = np.concatenate([np.arange(50) / 25, 1e6 + np.arange(50) / 25])
    assert len(at_constant_rate(np.zeros(100), times).values) < 200
    bursts = np.cumsum(np.where(np.arange(100) % 3, 1e-6, 0.1))
    assert len(at_constant_rate(np.zeros(100), bursts).values) <= 401
