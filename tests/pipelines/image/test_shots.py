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


def test_flicker_is_no_row_of_cuts():
    flicker = [np.full((64, 64, 3), 100 + 32 * (k % 2), np.uint8) for k in range(20)]
    assert cuts(flicker) == []
