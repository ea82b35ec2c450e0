import numpy as np
import pytest

from keras_models.evaluation.evaluate_events import evaluate_events, overlap
from pipelines.clip_analysis.clip_events import FoundEvent
from pipelines.io.clip_truth import ClipEvent


def found(kind, onset, apex, offset):
    return FoundEvent(kind, onset, apex, offset, 1.0, "mouth right")


def true(kind, onset, apex, offset):
    return ClipEvent(kind, "", onset, apex, offset, 1.0)


def test_by_hand():
    """Two of three micro-expressions are found, one twice; a blink is missed; speech does not count."""
    clip = (
        [
            found("micro", 10, 15, 20), found("micro", 11, 16, 21), found("micro", 52, 57, 63),
            found("micro", 70, 75, 80), found("macro", 100, 110, 130),
        ],
        [
            true("micro", 10, 14, 20), true("micro", 50, 56, 62), true("micro", 90, 92, 95),
            true("blink", 30, 32, 34), true("speech", 98, 120, 140),
        ],
        25.0,
    )  # fmt: skip
    scores = evaluate_events([clip])
    micro = scores["micro"]
    assert (micro.true, micro.found, micro.right) == (3, 4, 2)
    assert micro.f1 == pytest.approx(4 / 7)
    assert micro.apex_ms == pytest.approx(40)
    assert micro.onset_ms == pytest.approx(40)
    assert (scores["blink"].true, scores["blink"].found, scores["blink"].f1) == (1, 0, 0)
    assert np.isnan(scores["blink"].apex_ms)
    assert (scores["macro"].found, scores["macro"].f1) == (0, 1)


def test_half_an_overlap_is_needed():
    """Frames 0 to 9 and 5 to 14 share 5 of 15; 0 to 9 and 2 to 11 share 8 of 12."""
    for onset, right in ((5, 0), (2, 1)):
        clip = [found("micro", onset, onset + 4, onset + 9)], [true("micro", 0, 4, 9)], 30.0
        assert evaluate_events([clip])["micro"].right == right


def test_overlap_by_hand():
    assert overlap((0, 9), (5, 14)) == pytest.approx(5 / 15)
    assert overlap((0, 9), (10, 12)) == 0
    assert overlap((3, 7), (3, 7)) == 1
