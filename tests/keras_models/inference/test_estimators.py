"""Estimators in several threads, and SavedModels that `get_estimator` cannot use."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from keras_models.inference import estimators
from keras_models.inference.estimators import get_estimator
from keras_models.inference.expression_classifier import open_classifier
from pipelines.errors import InputError


def save(folder, names=("frame1", "frame2")):
    """A SavedModel whose flow is 1.5 everywhere, from a variable of a kilobyte."""
    module = tf.Module()
    module.flow = tf.Variable(np.full((128, 2), 1.5, np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name) for name in names])
    def estimate(*frames):
        zero = 0.0 * sum(tf.cast(frame[..., :2], tf.float32) for frame in frames)
        return {"flow": zero + module.flow[0]}

    tf.saved_model.save(module, str(folder), signatures=estimate)
    return folder


def test_a_classical_method_gets_no_narrow_frame(monkeypatch):
    """DIS may end the process; here its place is taken by one that notes the size."""
    asked = []

    class Noting:
        def calc(self, frame1, frame2, flow):
            asked.append((frame1.shape, frame2.shape))
            return np.dstack([frame1, frame1]).astype(np.float32)

    monkeypatch.setitem(estimators._CLASSICAL, "noting", Noting)
    frame = np.random.default_rng(0).integers(0, 256, (12, 40, 1), np.uint8).repeat(3, axis=2)
    flow, _ = get_estimator("noting")(frame, frame)
    assert asked == [((32, 40), (32, 40))]
    np.testing.assert_array_equal(flow[..., 0], frame[..., 0])


@pytest.mark.parametrize("method", ["dis_fast", "dis_medium", "dis_fine", "farneback", "deepflow"])
def test_the_flow_of_a_pair_does_not_depend_on_the_pairs_before(method, portrait):
    """As if each were the first."""
    large, small = portrait[:64, 200:264], portrait[:32, 200:232]
    alone = get_estimator.__wrapped__(method)(large, np.roll(large, 2, axis=1))[0]
    estimate = get_estimator.__wrapped__(method)
    estimate(small, np.roll(small, 1, axis=1))
    np.testing.assert_array_equal(estimate(large, np.roll(large, 2, axis=1))[0], alone)


def test_a_saved_model_estimates(tmp_path):
    frames = np.zeros((2, 5, 7, 3), np.uint8)
    flow, valid = get_estimator(str(save(tmp_path / "1")))(*frames)
    np.testing.assert_array_equal(flow, np.full((5, 7, 2), 1.5))
    assert valid.all()


def test_a_network_is_loaded_once():
    """Not for each pair of a clip, nor for each of its micro-expressions."""
    assert get_estimator("fast") is get_estimator("fast")
    assert open_classifier("expression") is open_classifier("expression")


@pytest.mark.parametrize(
    ("file", "kept"),
    [("saved_model.pb", 0.5), ("saved_model.pb", 0), ("variables/variables.data-00000-of-00001", 0.5)],
)
def test_a_saved_model_that_was_cut_short(tmp_path, file, kept):
    folder = save(tmp_path / "1")
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match=r"1: damaged SavedModel \([^\n]+\); export it again$"):
        get_estimator(str(folder))


def test_a_saved_model_of_something_else(tmp_path):
    says = "1: not a SavedModel of face_flow; its signature serving_default takes apex, onset, in place of"
    with pytest.raises(InputError, match=says):
        get_estimator(str(save(tmp_path / "1", ("onset", "apex"))))


@pytest.mark.parametrize("name", ["dis_fine", "label:mesh", "fast"])
def test_several_threads_get_the_same_flow(portrait, name):
    """Frames of several sizes, so that threads that shared intermediate results would mix them up."""
    estimate = get_estimator(name)
    pairs = [(portrait[: 256 - 16 * k], np.roll(portrait, k, 1)[: 256 - 16 * k]) for k in range(4)]
    expected = [estimate(*pair)[0] for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        found = [flow for flow, _ in pool.map(lambda pair: estimate(*pair), 3 * pairs)]
    for flow, same in zip(found, 3 * expected, strict=True):
        np.testing.assert_allclose(flow, same, atol=1e-4)


def test_a_saved_model_below_a_folder_with_brackets(tmp_path):
    """TensorFlow expands wildcards in the path of the variables."""
    (tmp_path / "models[2]").mkdir()
    save(tmp_path / "1").rename(tmp_path / "models[2]" / "1")
    frame = np.zeros((40, 48, 3), np.uint8)
    flow, _ = get_estimator(str(tmp_path / "models[2]" / "1"))(frame, frame)
    assert (flow == 1.5).all()
