"""Displacements that are made of an affine map and an expression: the map goes, the expression stays."""

import numpy as np

from keras_models.evaluation.spotting.head_removal import remove_head

ROWS, COLUMNS = np.mgrid[-1:1:11j, -1:1:9j]
POINTS = np.column_stack([COLUMNS.ravel(), ROWS.ravel()])


def test_what_a_part_of_the_face_does_stays():
    maps = np.random.default_rng(0).normal(0, 2, (5, 3, 2))
    expression = np.zeros((5, len(POINTS), 2))
    expression[:, (ROWS.ravel() > 0.4) & (COLUMNS.ravel() > 0)] = [0.0, -1.5]
    head = np.column_stack([POINTS, np.ones(len(POINTS))]) @ maps
    np.testing.assert_allclose(remove_head(head + expression, POINTS), expression, atol=0.05)


def test_a_small_change_of_the_data_changes_the_head_a_little():
    # With a loss that redescends, a head between two motions of which each has half of the face would jump.
    base = np.where(ROWS.ravel() > 0, 1.0, -1.0)[None, :, None] * [1.0, 0.0]
    noise = np.random.default_rng(1).normal(0, 0.01, (50, len(POINTS), 2))
    found = remove_head(base + noise, POINTS)
    assert np.ptp(found - noise, axis=0).max() < 0.1
