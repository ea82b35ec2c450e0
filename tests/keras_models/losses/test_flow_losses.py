import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flownet_blocks import FLOWNET_WEIGHTS
from keras_models.losses.flow_losses import (
    angular_error,
    end_point_error,
    masked_mean,
    multi_scale_epe,
    photometric_error,
    shrink_flow,
    smoothness,
)
from keras_models.losses.flow_metrics import flow_metrics


def constant(u, v, shape=(1, 8, 8)):
    return tf.fill((*shape, 2), 1.0) * tf.constant([u, v], tf.float32)


def test_end_point_error_by_pythagoras():
    assert end_point_error(constant(1, 1), constant(4, 5)).numpy() == pytest.approx(5.0)
    assert (end_point_error(constant(1, 2), constant(1, 2)).numpy() == 0).all()


def test_the_slope_at_no_error_is_finite():
    predicted = tf.Variable(constant(1, 2))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(end_point_error(constant(1, 2), predicted))
    assert (tape.gradient(loss, predicted).numpy() == 0).all()


def test_nan_is_not_taken_for_perfect():
    assert np.isnan(end_point_error(constant(1, 1), constant(np.nan, 1)).numpy()).all()
    assert np.isnan(angular_error(constant(1, 1), constant(np.nan, 1)).numpy()).all()


@pytest.mark.parametrize(
    ("true", "predicted", "degrees"),
    [((1, 0), (0, 0), 45.0), ((0, 0), (0, 0), 0.0), ((1, 0), (-1, 0), 90.0), ((0.01, 0), (0, 0), 0.572939)],
)
def test_angular_error_by_hand(true, predicted, degrees):
    assert angular_error(constant(*true), constant(*predicted)).numpy() == pytest.approx(degrees, abs=1e-4)


def test_the_mean_leaves_out_what_is_masked():
    """Defect 6 of the paper's code: a mean over the zeroed background flatters every method."""
    errors = tf.concat([tf.zeros((1, 4, 8)), tf.ones((1, 4, 8)) * 2], axis=1)
    face = tf.concat([tf.zeros((1, 4, 8), tf.bool), tf.ones((1, 4, 8), tf.bool)], axis=1)
    assert masked_mean(errors, face).numpy() == 2.0
    assert masked_mean(errors, tf.zeros_like(face)).numpy() == 0.0


def test_the_mean_of_a_batch_is_the_mean_of_its_halves():
    """Whatever the masks: training on two machines rests on it."""
    random = np.random.default_rng(0)
    errors = tf.constant(random.random((4, 8, 8)), tf.float32)
    masks = tf.constant(random.random((4, 8, 8)) < np.array([0.1, 0.9, 0.5, 0.0])[:, None, None])
    halves = [masked_mean(errors[k : k + 2], masks[k : k + 2]).numpy() for k in (0, 2)]
    assert masked_mean(errors, masks).numpy() == pytest.approx(np.mean(halves))


def test_metrics_leave_out_what_is_masked():
    true, predicted = constant(0, 0), constant(3, 4).numpy()
    predicted[:, :4] = 0
    valid = np.zeros((1, 8, 8), bool)
    valid[:, 4:] = True
    values = {}
    for metric in flow_metrics():
        metric.update_state(true, predicted, valid)
        values[metric.name] = float(metric.result())
    assert values["epe"] == pytest.approx(5.0)
    assert values["within_1px"] == 0.0
    assert values["aae"] == pytest.approx(np.degrees(np.arccos(1 / np.sqrt(26))), abs=1e-3)


def test_within_is_a_share_of_good_pixels():
    metric = flow_metrics()[2]
    predicted = constant(0, 0).numpy()
    predicted[0, 0, :, 0] = 3  # one row of eight is bad
    metric.update_state(constant(0, 0), predicted, np.ones((1, 8, 8), bool))
    assert float(metric.result()) == pytest.approx(7 / 8)


def test_shrinking_leaves_out_invalid_pixels():
    flow = np.zeros((1, 4, 4, 2), np.float32)
    flow[0, :2, :2] = [[[1, 2], [99, 99]], [[3, 4], [99, 99]]]
    valid = np.ones((1, 4, 4), bool)
    valid[0, :2, 1] = False
    small, share = shrink_flow(tf.constant(flow), tf.constant(valid), 2)
    np.testing.assert_allclose(small[0, 0, 0], [2, 3])  # still in full-size pixels
    np.testing.assert_allclose(share[0], [[0.5, 1], [1, 1]])


def test_level_weights_in_means():
    """FlowNet's .005 ... .32 multiply sums; a level has 4 times fewer pixels than the one before it."""
    expected = np.array([0.005, 0.01 / 4, 0.02 / 16, 0.08 / 64, 0.32 / 256])
    np.testing.assert_allclose(list(FLOWNET_WEIGHTS.values()), expected / expected.sum())
    assert list(FLOWNET_WEIGHTS) == ["flow2", "flow3", "flow4", "flow5", "flow6"]


@pytest.mark.parametrize("level", list(FLOWNET_WEIGHTS))
def test_every_level_counts_with_its_weight(level):
    """Defect 2 of the paper's code drops the finest level's loss: here each one alone gives its weight."""
    flow, valid = constant(0, 0, (2, 64, 64)), tf.ones((2, 64, 64), tf.bool)
    levels = {f"flow{k}": constant(0, 0, (2, 64 >> k, 64 >> k)) for k in range(2, 7)}
    levels[level] += [3.0, 4.0]
    total = multi_scale_epe(levels, flow, valid, FLOWNET_WEIGHTS)
    assert total.numpy() == pytest.approx(5 * FLOWNET_WEIGHTS[level], rel=1e-5)


def test_invalid_pixels_have_no_slope():
    valid = np.zeros((1, 64, 64), bool)
    valid[:, :32] = True
    levels = {f"flow{k}": tf.Variable(constant(1, 0, (1, 64 >> k, 64 >> k))) for k in range(2, 6)}
    weights = dict.fromkeys(levels, 1.0)
    with tf.GradientTape() as tape:
        loss = multi_scale_epe(levels, constant(0, 0, (1, 64, 64)), tf.constant(valid), weights)
    for level, slope in tape.gradient(loss, levels).items():
        rows = slope.shape[1]
        assert (slope.numpy()[:, rows // 2 :] == 0).all(), level
        assert (slope.numpy()[:, : rows // 2, :, 0] > 0).all(), level


def moving_wave(shift):
    """A picture and the same moved by `shift` pixels along x."""
    x = np.broadcast_to(np.arange(32.0), (32, 32))
    pictures = [0.5 + 0.4 * np.sin(0.3 * (x - moved)) for moved in (0, shift)]
    return [tf.constant(np.repeat(picture[None, ..., None], 3, -1), tf.float32) for picture in pictures]


def test_photometric_error_is_least_at_the_true_flow():
    frames, everywhere = moving_wave(3), tf.ones((1, 32, 32), tf.bool)
    shape = (1, 32, 32)
    errors = {
        u: photometric_error(*frames, constant(u, 0, shape), everywhere).numpy() for u in (-3, 0, 2, 3, 4)
    }
    assert errors[3] == pytest.approx(0, abs=1e-3)
    assert min(errors, key=errors.get) == 3
    assert errors[-3] > errors[0]  # the wrong sign is worse than none


def test_what_leaves_the_picture_has_no_photometric_error():
    frames = moving_wave(0)
    beyond = constant(100, 0, (1, 32, 32))
    assert photometric_error(*frames, beyond, tf.ones((1, 32, 32), tf.bool)).numpy() == 0.0


def test_smoothness_of_a_ramp_by_hand():
    """u rises by 1 px a pixel along x: Charbonnier's sqrt(1 + 0.01^2) - 0.01 for u along x, and 0 else."""
    ramp = tf.constant(np.broadcast_to(np.arange(8.0), (8, 8))[None], tf.float32)
    flow, valid = tf.stack([ramp, tf.zeros_like(ramp)], axis=-1), tf.ones((1, 8, 8), tf.bool)
    grey = tf.fill((1, 8, 8, 3), 0.5)
    assert smoothness(flow, grey, valid).numpy() == pytest.approx(np.sqrt(1.0001) - 0.01, rel=1e-4)


def test_flow_may_jump_at_an_edge_of_the_picture():
    jump = tf.concat([constant(0, 0, (1, 8, 4)), constant(5, 0, (1, 8, 4))], axis=2)
    valid = tf.ones((1, 8, 8), tf.bool)
    even = tf.fill((1, 8, 8, 3), 0.5)
    edge = tf.concat([tf.zeros((1, 8, 4, 3)), tf.ones((1, 8, 4, 3))], axis=2)
    ratio = smoothness(jump, edge, valid).numpy() / smoothness(jump, even, valid).numpy()
    assert ratio == pytest.approx(np.exp(-10), rel=1e-3)
