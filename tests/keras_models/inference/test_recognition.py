import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.recognition import (
    LEAST_STRENGTH,
    NO_MOVEMENT,
    Recognition,
    probabilities,
    recognise_clip,
    recognise_pair,
)
from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.labels.rigid_motion import RigidMotion
from pipelines.landmarks.face_mesh import face_mask
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
    turned = np.stack([3 + 2 * x - y, -1 + x + 2 * y], axis=-1)
    found = recognition(turned)
    assert found.strength == pytest.approx(0, abs=0.02)
    assert found.expression == NO_MOVEMENT
    assert recognition(turned + at_the_mouth(4)).expression == "positive"


def test_what_a_turn_leaves_is_no_movement():
    """The depth of this head is two fifths larger at the nose than that of the mean one."""
    rigid = RigidMotion(template(), face_mask(template(), (CROP, CROP)))
    depth = rigid.fields[..., 3] * (1 + 0.4 * (rigid.fields[..., 3] < -0.3))
    turned = np.stack([4 + 3 * depth, 0.5 * depth], axis=-1)
    found = recognition(turned)
    assert found.strength > LEAST_STRENGTH
    assert found.expression == NO_MOVEMENT
    assert recognition(turned + 3 * at_the_mouth(8)).expression == "positive"


def test_the_picture_is_without_the_parallax_of_a_turn():
    depth = RigidMotion(template(), face_mask(template(), (CROP, CROP))).fields[..., 3]
    turned = np.stack([4 + 3 * depth, 0.5 * depth], axis=-1)
    found = recognition(turned + at_the_mouth(4))
    np.testing.assert_allclose(found.motion, at_the_mouth(4), atol=0.1)
    # Of the motion of the mouth alone, the picture is the same but for single pixels.
    alone = recognition(at_the_mouth(4)).picture().astype(int)
    assert np.abs(found.picture() - alone).mean() < 2


def test_the_picture_of_a_still_face_is_pale():
    """Noise of a hundredth of a pixel is not stretched to the whole range of colours."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(CROP, CROP, 2)), (8, 8, 0))
    noise *= 0.01 / noise.std()
    _, _, colour, _, strain = np.split(recognition(noise).picture(), 5, axis=1)
    face = slice(60, 160), slice(80, 160)
    assert colour[face].min() > 100
    assert strain[face].mean() < 40


def test_too_little_is_no_movement():
    weak = recognition(at_the_mouth(0.2))
    assert 0 < weak.strength < LEAST_STRENGTH
    assert weak.expression == NO_MOVEMENT


@pytest.fixture(scope="module")
def classifier():
    """One that answers by where a face moves, so that no training is needed.

    Classes: brows up, mouth moved; the more probable one is where the features are larger.
    """
    features = keras.Input((28, 28, 3))
    upward = -10 * features[..., 1]
    brows = tf.reduce_mean(upward[:, 4:9, 5:23], axis=[1, 2])
    mouth = tf.reduce_mean(upward[:, 17:22, 7:21], axis=[1, 2])
    logits = tf.stack([brows, mouth], axis=-1)[:, None]
    return ExpressionClassifier(keras.Model(features, logits), ("brows", "mouth"), "dis_medium", True)


def test_a_clip_begins_with_its_first_face(tmp_path, expressive, classifier, caplog):
    for number in range(20):
        strength = max(0, 1 - abs(number - 11) / 6)
        frame = expressive("surprise", strength) if number >= 5 else np.zeros((280, 240, 3), np.uint8)
        write_image(tmp_path / f"{number:02}.png", frame)
    found = recognise_clip(tmp_path, classifier)
    assert found.onset == 5
    assert abs(found.apex - 11) <= 1
    assert found.probabilities["brows"] > 0.9
    assert "no face in frames 0 to 4" in caplog.text


def test_another_shot_is_left_out(tmp_path, expressive, classifier, caplog):
    for number in range(24):
        frame = expressive("positive", max(0, 1 - abs(number - 6) / 6))
        write_image(tmp_path / f"{number:02}.png", frame if number < 14 else 255 - frame[::-1] // 2)
    found = recognise_clip(tmp_path, classifier)
    assert abs(found.apex - 6) <= 1
    assert found.probabilities["mouth"] > 0.9
    assert "another shot begins with frame 14" in caplog.text


def test_two_pictures(tmp_path, expressive, classifier):
    write_image(tmp_path / "onset.png", expressive("surprise", 0))
    write_image(tmp_path / "apex.png", expressive("surprise", 1))
    found = recognise_pair(tmp_path / "onset.png", tmp_path / "apex.png", classifier)
    assert (found.onset, found.apex) == (None, None)
    assert found.probabilities["brows"] > 0.9
    assert found.picture().shape == (240, 1200, 3)


def test_flow_that_is_not_finite(classifier):
    crop = np.zeros((224, 224, 3), np.uint8)
    pair = AlignedPair(crop, crop, np.full((224, 224, 2), np.nan, np.float32))
    with pytest.raises(InputError, match="the flow of dis_medium is not finite"):
        probabilities(pair, classifier)
