from pathlib import Path

import pytest

from pipelines.datasets.clip import Clip
from pipelines.datasets.frame_pairs import frame_pairs
from pipelines.errors import InputError


def clip(**facts):
    return Clip("anna", "anna-1", Path("anna/1"), **facts)


def test_consecutive_and_every_kth():
    assert frame_pairs("consecutive", clip(), 4) == [(0, 1), (1, 2), (2, 3)]
    assert frame_pairs("every:3", clip(), 5) == [(0, 3), (1, 4)]
    assert frame_pairs("every:3", clip(), 3) == []
    assert frame_pairs("consecutive", clip(), 0) == []


def test_no_pair_across_a_missing_frame():
    gap = clip(numbers=(46, 47, 49, 50))  # 48 is not there
    assert frame_pairs("consecutive", gap, 4) == [(0, 1), (2, 3)]
    assert frame_pairs("every:2", gap, 4) == [(1, 2)]  # 47 -> 49
    assert frame_pairs("every:3", gap, 4) == [(0, 2), (1, 3)]
    assert frame_pairs("every:3", gap, 3) == [(0, 2)]  # only three could be read


def test_to_the_apex():
    micro = clip(onset=3, apex=9, offset=20)
    assert frame_pairs("onset_apex", micro, 24) == [(3, 9)]
    assert frame_pairs("neutral_peak", micro, 24) == [(0, 9)]


@pytest.mark.parametrize(
    ("scheme", "facts", "says"),
    [
        ("onset_apex", {"onset": 3}, "anna-1: its apex"),
        ("onset_apex", {}, "onset and apex"),
        ("neutral_peak", {"onset": 3}, "apex"),
        ("onset_apex", {"onset": 3, "apex": 24}, "24 frames"),
        ("onset_apex", {"onset": 9, "apex": 9}, "no pair"),
        ("every:0", {}, "every:K"),
        ("every:-1", {}, "unknown scheme"),
        ("every", {}, "unknown scheme"),
        ("random", {}, "'random'"),
    ],
)
def test_what_cannot_be_had(scheme, facts, says):
    with pytest.raises(InputError, match=says):
        frame_pairs(scheme, clip(**facts), 24)
