"""Spotting with a classifier that answers by where a face moves, so that no training is needed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.inference.clip_spotting import spot_clip
from keras_models.inference.expression_classifier import ExpressionClassifier
from keras_models.inference.recognition import probabilities, recognise_clip, recognise_pair
from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.micro_expressions.onset_apex import AlignedPair


@pytest.fixture(scope="module")
def classifier():
    """Classes: brows up, mouth moved; the more probable one is where the features are larger."""
    features = keras.Input((28, 28, 3))
    upward = -10 * features[..., 1]
    brows = tf.reduce_mean(upward[:, 4:9, 5:23], axis=[1, 2])
    mouth = tf.reduce_mean(upward[:, 17:22, 7:21], axis=[1, 2])
    logits = tf.stack([brows, mouth], axis=-1)[:, None]
    return ExpressionClassifier(keras.Model(features, logits), ("brows", "mouth"), "dis_medium", True)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory, expressive):
    """Two micro-expressions, about frame 14 and frame 40; no face in frames 22 to 26."""
    folder = tmp_path_factory.mktemp("long")
    for number in range(56):
        middle, emotion = (14, "surprise") if number < 27 else (40, "positive")
        strength = max(0, 1 - abs(number - middle) / 4)
        frame = expressive(emotion, strength)
        write_image(folder / f"{number:02}.png", frame if number not in range(22, 27) else 0 * frame)
    return folder


def test_a_long_clip(long_clip, classifier):
    done = []
    spotted = spot_clip(long_clip, classifier, max_duration=0.8, rate=10, progress=done.append)
    assert [one.expression for one in spotted.expressions] == ["brows", "mouth"]
    for one, middle in zip(spotted.expressions, (14, 40), strict=True):
        assert abs(one.apex - middle) <= 1
        assert one.onset == pytest.approx(middle - 4, abs=1)
        assert one.offset == pytest.approx(middle + 4, abs=1)
        assert (one.onset_s, one.apex_s) == pytest.approx((one.onset / 10, one.apex / 10))
        assert sum(one.probabilities.values()) == pytest.approx(1)
    assert spotted.without_face == [(22, 26)]
    assert (spotted.frames, spotted.rate, done[-1]) == (56, 10, 56)


def test_movements_that_are_slow_by_their_time_stamps_are_left_out(
    long_clip, classifier, monkeypatch, caplog
):
    """The second one takes twice as long as the first."""

    def slowing(clip, count, rate):
        return np.cumsum(np.where(np.arange(count) < 30, 0.1, 0.2))

    monkeypatch.setattr("keras_models.inference.clip_spotting.frame_times", slowing)
    (one,) = spot_clip(long_clip, classifier, max_duration=0.8, rate=10).expressions
    assert one.expression == "brows"
    assert "1 movements of more than 0.8 seconds are left out" in caplog.text


def test_memory_does_not_grow_with_the_clip(long_clip, classifier, monkeypatch):
    """Crops that are alive at a time: those of two reaches, and the one that was just cut."""
    import weakref

    from pipelines.micro_expressions import clip_contrast

    class Crop(np.ndarray):  # unlike a plain array it can be watched
        pass

    cut, alive, most = clip_contrast.align, [], 0

    def watched(*arguments):
        nonlocal most
        crop = cut(*arguments).view(Crop)
        alive.append(weakref.ref(crop))
        most = max(most, sum(each() is not None for each in alive))
        return crop

    monkeypatch.setattr(clip_contrast, "align", watched)
    spot_clip(long_clip, classifier, max_duration=0.8, rate=10)
    assert 4 < most <= 2 * 4 + 2


def test_what_cannot_be_spotted_in(long_clip, classifier, tmp_path):
    with pytest.raises(InputError, match=r"0\.1 seconds at 10 frames a second are less than two frames"):
        spot_clip(long_clip, classifier, max_duration=0.1, rate=10)
    with pytest.raises(InputError, match=f"{long_clip}: too short to spot in: frames 56"):
        spot_clip(long_clip, classifier, max_duration=9, rate=10)
    for number in range(12):
        write_image(tmp_path / f"{number}.png", np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(InputError, match=f"{tmp_path}: no face found in any frame"):
        spot_clip(tmp_path, classifier, rate=10)


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
