import numpy as np
import pytest

from keras_models.evaluation.expression_scores import bootstrap_uf1, confusion, scores

# Rows are the classes negative, positive, surprise, counted in the log that STSTNet's authors published.
STSTNET = {
    "casme2": [[83, 5, 0], [12, 19, 1], [2, 0, 23]],
    "smic": [[54, 10, 6], [17, 30, 4], [14, 1, 28]],
    "samm": [[82, 7, 3], [11, 13, 2], [5, 2, 8]],
}


def test_published_log_of_ststnet():
    full = scores(sum(np.array(counts) for counts in STSTNET.values()))
    # .7605 was published as UAR; it is the precision.
    assert [round(x, 4) for x in (full.uf1, full.precision, full.uar)] == [0.7353, 0.7605, 0.7186]
    recalls = {name: round(scores(np.array(counts)).uar, 4) for name, counts in STSTNET.items()}
    assert recalls == {"casme2": 0.8190, "smic": 0.6703, "samm": 0.6415}


def test_by_hand():
    counts = confusion(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2]), 3)
    assert counts.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    found = scores(counts)
    assert found.f1 == pytest.approx((4 / 6, 2 / 4, 1))
    assert found.recall == pytest.approx((2 / 3, 1 / 2, 1))
    assert found.precision == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found.accuracy == pytest.approx(4 / 6)


def test_a_class_that_does_not_occur_counts_in_nothing_and_one_that_is_never_said_counts_as_zero():
    absent = scores(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    assert absent.uf1 == pytest.approx((6 / 7 + 8 / 9) / 2)
    assert np.isnan(absent.f1[2])
    never_said = scores(np.array([[3, 0, 0], [0, 4, 0], [1, 0, 0]]))
    assert never_said.f1[2] == never_said.recall[2] == 0
    assert never_said.precision == pytest.approx((3 / 4 + 1 + 0) / 3)
    said_of_nobody = scores(np.array([[3, 0, 1], [0, 4, 0], [0, 0, 0]]))
    assert said_of_nobody.f1[2] == 0
    assert said_of_nobody.uar == pytest.approx((3 / 4 + 1) / 2)


def test_bootstrap_is_over_subjects():
    alike = np.tile(np.array([[4, 1, 0], [0, 5, 0], [0, 1, 4]]), (20, 2, 1, 1))
    uf1 = scores(alike[0, 0]).uf1
    assert bootstrap_uf1(alike) == pytest.approx((uf1, uf1))
    # Ten people are always understood and ten never: the interval of a share p of 20 draws.
    right, wrong = np.diag([2, 2, 2]), np.roll(np.diag([2, 2, 2]), 1, axis=0)
    low, high = bootstrap_uf1(np.stack([right] * 10 + [wrong] * 10)[:, None])
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.112, 0.5 + 1.96 * 0.112), abs=0.04)
