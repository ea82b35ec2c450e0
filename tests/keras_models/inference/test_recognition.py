import numpy as np
import pytest

from keras_models.inference.recognition import LEAST_STRENGTH, NO_MOVEMENT, Recognition
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.onset_apex import AlignedPair

PROBABILITIES = {"negative": 0.2, "positive": 0.7, "surprise": 0.1}


def recognition(flow):
    crop = np.zeros((CROP, CROP, 3), np.uint8)
    return Recognition(PROBABILITIES, AlignedPair(crop, crop, flow.astype(np.float32)))


def at_the_mouth(length):
    """A smooth motion upwards around the mouth's right corner, of so many pixels at its peak."""
    y, x = np.mgrid[:CROP, :CROP]
    distance = np.hypot(*(np.stack([x, y]).T - template()[61]).T)
    return np.stack([np.zeros((CROP, CROP)), -length * np.exp(-((distance / 25) ** 2))], axis=-1)


def test_a_face_that_moves_shows_the_most_probable_class():
    assert recognition(at_the_mouth(4)).expression == "positive"


def test_motion_of_the_head_alone_is_no_movement():
    y, x = np.mgrid[:CROP, :CROP] / CROP
    turned = np.stack([3 + 2 * x - y, -1 + x], axis=-1)
    found = recognition(turned)
    assert found.strength == pytest.approx(0, abs=0.02)
    assert found.expression == NO_MOVEMENT
    assert recognition(turned + at_the_mouth(4)).expression == "positive"


def test_too_little_is_no_movement():
    weak = recognition(at_the_mouth(0.2))
    assert 0 < weak.strength < LEAST_STRENGTH
    assert weak.expression == NO_MOVEMENT
