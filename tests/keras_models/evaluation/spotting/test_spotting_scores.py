"""Scores against numbers worked out by hand."""

import pytest

from keras_models.evaluation.spotting.spotting_scores import (
    Spotted,
    SpottingCounts,
    count_video,
    iou,
    match,
    recognition_f1,
)
from pipelines.datasets.long_video import Expression


def coded(first, last, kind="micro"):
    return Expression(f"{first}", kind, first, None, last)


def spotted(first, last, kind="micro"):
    return Spotted(kind, first, first, last, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ((0, 9), (0, 9), 1),
        ((0, 9), (5, 14), 1 / 3),
        ((0, 9), (10, 19), 0),
        ((0, 9), (0, 4), 0.5),
        ((3, 3), (3, 3), 1),
    ],
)
def test_intersection_over_union_counts_both_ends(a, b, value):
    assert iou(a, b) == iou(b, a) == value


def test_kinds_are_apart_and_each_interval_counts_once():
    true = [coded(0, 9), coded(100, 109), coded(200, 299, "macro")]
    found = [spotted(0, 4), spotted(1, 9), spotted(100, 109, "macro"), spotted(210, 299, "macro")]
    assert match(found, true) == [(1, 0), (3, 2)]  # the better of two; half an interval is enough
    counts = count_video(found, true)
    assert counts["micro"] == SpottingCounts(hits=1, found=2, true=2)
    assert counts["macro"] == SpottingCounts(hits=1, found=2, true=1)
    both = counts["micro"] + counts["macro"]
    assert (both.precision, both.recall, both.f1) == (2 / 4, 2 / 3, 4 / 7)


def test_f1_is_of_all_videos_together():
    # A mean of the videos' F1 would be (1 + 0) / 2.
    first = count_video([spotted(0, 9)], [coded(0, 9)])["micro"]
    second = count_video([], [coded(0, 9), coded(50, 59), coded(80, 89)])["micro"]
    assert (first + second).f1 == 2 * 1 / (1 + 4)
    assert count_video([], [])["macro"].f1 == 1
    assert SpottingCounts(0, 0, 3).precision == SpottingCounts(0, 3, 0).recall == 0


def test_recognition_is_the_mean_over_classes():
    true = ["negative", "negative", "positive", "surprise"]
    said = ["negative", "positive", "positive", "negative"]
    # negative 2*1/(2+2), positive 2*1/(1+2), surprise 0
    assert recognition_f1(true, said) == pytest.approx((0.5 + 2 / 3 + 0) / 3)
    assert recognition_f1([], []) == 0
