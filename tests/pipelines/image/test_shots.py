import numpy as np

from pipelines.image.shots import CutDetector


def cuts(clip):
    is_cut = CutDetector()
    return [number for number, frame in enumerate(clip) if is_cut(frame)]


def test_a_cut_between_two_pictures(portrait):
    other = np.ascontiguousarray(255 - portrait[::-1])
    assert cuts([portrait] * 5 + [other] * 5 + [portrait] * 5) == [5, 10]


def test_what_moves_is_no_cut(portrait):
    assert cuts([np.roll(portrait, 12 * k, axis=1) for k in range(20)]) == []


def test_a_fade_is_no_cut(portrait):
    assert cuts([(portrait * (k / 19)).astype(np.uint8) for k in range(20)]) == []


def test_a_lamp_that_is_switched_on_is_no_cut(portrait):
    assert cuts([(portrait * 0.3).astype(np.uint8)] * 5 + [portrait] * 5) == []


def test_black_frames_belong_to_no_shot(portrait):
    """They are no shot of their own, but may stand between two."""
    black, other = np.full_like(portrait, 16), np.ascontiguousarray(255 - portrait[::-1])
    assert cuts([black] * 3 + [portrait] * 5 + [black] + [portrait] * 5) == []
    assert cuts([portrait] * 5 + [black] * 3 + [other] * 5) == [8]


def test_flicker_is_no_row_of_cuts(portrait):
    """Two pictures in turns: what changes from frame to frame in the same way is usual."""
    pictures = (portrait // 2, np.ascontiguousarray(portrait[::-1]) // 2)
    assert cuts([pictures[k % 2] for k in range(20)]) == []
