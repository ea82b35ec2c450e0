"""Candidates of made-up signals, whose expressions are where they were put."""

import numpy as np
import pytest

from keras_models.evaluation.spotting.spotting_scores import iou
from pipelines.clip_analysis.interval_candidates import (
    contrast,
    equalized,
    extent,
    find_candidates,
    prominence,
    resting,
)


def movement(length, events, cells=6, drift=0.0, seed=0):
    """float32 [T, 2 cells]: displacements that rise and fall as t^2 (3 - 2 t)."""
    rng = np.random.default_rng(seed)
    signal = np.outer(np.arange(length), rng.normal(0, drift, 2 * cells))
    for onset, apex, offset, size in events:
        t = np.interp(np.arange(length), [onset, apex, offset], [0, 1, 0], left=0, right=0)
        way = rng.normal(size=2 * cells)
        signal += np.outer(t * t * (3 - 2 * t), size * way / np.linalg.norm(way) * np.sqrt(cells))
    return signal.astype(np.float32)


@pytest.mark.parametrize("drift", [0.0, 0.004])
@pytest.mark.parametrize("rate", [30.0, 28.6])
def test_expressions_are_found_with_their_extent(rate, drift):
    true = [(40, 45, 52, 1.0), (100, 120, 160, 4.0), (230, 234, 242, 1.5), (300, 330, 345, 2.0)]
    signal = movement(400, true, drift=drift)
    noise = np.random.default_rng(1).normal(0, 0.01, signal.shape)
    found = sorted(find_candidates(signal + noise, rate), key=lambda one: -one.score)[:4]
    for onset, apex, offset, _ in true:
        (best,) = [one for one in found if iou((one.first, one.last), (onset, offset)) >= 0.7]
        assert abs(best.apex - apex) <= 3


def test_nothing_is_found_in_a_still_or_evenly_drifting_face():
    assert find_candidates(np.zeros((90, 12)), 30.0) == []
    assert max((one.score for one in find_candidates(movement(90, [], drift=0.1), 30.0)), default=0) < 0.05
    assert find_candidates(np.ones((2, 4)), 30.0) == []


def test_what_comes_and_stays_does_not_stand_out():
    signal = np.zeros((90, 2), np.float32)
    signal[45:, 0] = 1
    assert contrast(signal, 5).max() == 0
    signal[50:, 0] = 0  # comes and goes
    np.testing.assert_allclose(contrast(signal, 5)[45:50], 1)


def test_the_extent_of_an_expression_that_is_held():
    t = np.interp(np.arange(120), [30, 40, 70, 90], [0, 1, 1, 0])
    signal = np.stack([t * t * (3 - 2 * t), np.zeros(120)], axis=1).astype(np.float32)
    first, last = extent(signal, 55, 40)
    assert abs(first - 30) <= 2
    assert abs(last - 90) <= 2


def test_scores_are_relative_to_what_the_video_shows_anyhow():
    signal = movement(400, [(40, 45, 52, 1.0), (100, 120, 160, 4.0)])
    signal = signal + np.random.default_rng(1).normal(0, 0.05, signal.shape).astype(np.float32)
    plain, large = find_candidates(signal, 30.0), find_candidates(7 * signal, 30.0)
    assert [(one.first, one.last) for one in plain] == [(one.first, one.last) for one in large]
    np.testing.assert_allclose([one.score for one in plain], [one.score for one in large], rtol=1e-3)


def test_the_face_at_rest_between_two_expressions_is_none():
    t = np.interp(np.arange(400), [100, 120, 140, 160, 180, 200], [0, 1, 0, 0, 1, 0])
    signal = np.outer(t * t * (3 - 2 * t), [2.0, 0.0, 1.0, 1.0]).astype(np.float32)
    assert contrast(signal, 30)[150] > 1  # it differs from the time before and after
    noise = np.random.default_rng(1).normal(0, 0.01, signal.shape)
    first, second, *others = sorted(find_candidates(signal + noise, 30.0), key=lambda one: -one.score)
    assert sorted(round(one.apex, -1) for one in (first, second)) == [120, 180]
    assert all(one.score < second.score / 10 for one in others)


def test_a_restless_cell_does_not_hide_the_others():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4000, 3, 2)) * np.array([1.0, 1.0, 7.0])[:, None]
    found = equalized(noise.reshape(4000, 6).astype(np.float32), 3).reshape(4000, 3, 2)
    # The factor of a cell with 7 times the typical noise is sqrt((49 + 1) / 2) = 5.
    np.testing.assert_allclose(found.std(axis=(0, 2)), [1, 1, 7 / 5], rtol=0.05)
    still = np.zeros((20, 4), np.float32)
    np.testing.assert_array_equal(equalized(still, 3), still)


def test_rest_follows_a_slow_drift_but_no_expression():
    drift = np.arange(1200) / 1200
    signal = drift[:, None].repeat(2, axis=1).astype(np.float32)
    away = signal.copy()
    away[500:530] += 3.0
    # 30 of the 601 samples around are elsewhere: they move the median by at most 30 ranks.
    np.testing.assert_allclose(resting(away, 30.0)[400:800], signal[400:800], atol=31 / 1200)
    for rate in (1.0, 0.04):
        assert np.isfinite(resting(away, rate)).all()


def test_prominence_is_how_much_farther_than_both_ends():
    departure = np.array([0.0, 1, 3, 2, 2.5, 0])
    np.testing.assert_allclose(prominence(departure, 2), [-3, -1, 0.5, 1, -0.5, -2])
