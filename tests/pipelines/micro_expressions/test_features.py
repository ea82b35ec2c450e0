import numpy as np
import tensorflow as tf

from pipelines.labels.rigid_motion import RigidMotion
from pipelines.landmarks.face_mesh import EYE_CORNERS, face_mask
from pipelines.micro_expressions.alignment import CROP, template
from pipelines.micro_expressions.features import CELL, SIZE, flow_features, head_flow
from pipelines.micro_expressions.strength import motion_strength

Y, X = np.mgrid[:CROP, :CROP].astype(np.float32)
HEAD = np.stack([1.5 + 0.02 * X - 0.01 * Y, -2 + 0.01 * X + 0.02 * Y], -1)
HEAD_PARAMETERS = np.array([[4, 2], [-2, 4], [3, -2]], float)  # for x, y and 1
_MOUTH = template()[14]


def smile(strength=1.0, at=_MOUTH):
    """A bump of motion up and to the right, 12 px wide."""
    bump = np.exp(-((X - at[0]) ** 2 + (Y - at[1]) ** 2) / (2 * 12**2))
    return strength * np.stack([bump, -bump / 2], -1)


def features(*flows, **options):
    return flow_features(tf.constant(np.stack(flows), tf.float32), **options).numpy()


def test_cells_are_means_of_u_and_v_where_they_were():
    flow = np.zeros((CROP, CROP, 2), np.float32)
    flow[8 * 3 : 8 * 4, 8 * 5 : 8 * 6] = (3, -4)
    u, v = np.moveaxis(features(flow, remove_head=False)[0, ..., :2], -1, 0)
    # The root mean square over 28 x 28 cells, of which one has the length 5, is 5 / 28.
    assert np.argwhere(u).tolist() == np.argwhere(v).tolist() == [[3, 5]]
    np.testing.assert_allclose([u[3, 5], v[3, 5]], [3 / 5 * SIZE, -4 / 5 * SIZE], rtol=1e-5)


def test_strain_is_that_of_full_resolution():
    # Stripes one cell wide that a mean over cells of twice the width would hide.
    flow = np.zeros((CROP, CROP, 2), np.float32)
    flow[..., 0] = np.where(X >= CROP / 2, 1, 0)
    strain = features(flow, remove_head=False)[0, ..., 2]
    # ux is 1/2 in the two columns at the step; each is one of eight in its cell.
    assert np.flatnonzero(strain[0]).tolist() == [SIZE // 2 - 1, SIZE // 2]
    np.testing.assert_allclose(strain[:, SIZE // 2], np.sqrt(SIZE / 2), rtol=1e-5)


def test_strength_does_not_matter_and_a_still_face_stays_still():
    weak, strong, still = features(smile(1), smile(4), 0.01 * smile(), remove_head=False)
    np.testing.assert_allclose(weak, strong, atol=1e-4)
    assert np.abs(still).max() < 0.2 * np.abs(weak).max()
    assert np.isfinite(features(np.zeros_like(HEAD))).all()


def test_the_head_is_taken_off():
    np.testing.assert_allclose(head_flow(tf.constant(HEAD[None])).numpy()[0], HEAD, atol=1e-4)
    alone, moved = features(smile(2), smile(2) + HEAD)
    # The usual error of a flow grows with the motion: a little of the smile may be taken for it.
    np.testing.assert_allclose(moved, alone, atol=0.08)
    kept = features(smile(2) + HEAD, remove_head=False)[0]
    assert np.abs(kept - alone).max() > 1


def test_fit_is_that_of_the_labels_head_motion():
    """In a graph, at cells, as in NumPy, at points: for faces that turn and show something at once."""
    head = RigidMotion(template(), face_mask(template(), (CROP, CROP)))
    rng = np.random.default_rng(3)
    for _ in range(5):
        turned = head.flow(np.concatenate([HEAD_PARAMETERS * rng.normal(), rng.normal(0, 3, (1, 2))]))
        flow = (turned + smile(4) + smile(6, at=template()[105])).astype(np.float32)
        found = head_flow(tf.constant(flow[None])).numpy()[0]
        np.testing.assert_allclose(found, head.flow(head.fit(flow)), atol=0.06)
        np.testing.assert_allclose(found, turned, atol=0.12)


def test_a_graph_for_any_batch_gives_the_same():
    graph = tf.function(flow_features, input_signature=[tf.TensorSpec([None, CROP, CROP, 2])])
    flows = np.stack([smile(), smile(2) + HEAD, -smile()]).astype(np.float32)
    operations = {op.type for op in graph.get_concrete_function().graph.get_operations()}
    assert not [name for name in operations if ">" in name]  # as other packages' are called
    together = graph(flows).numpy()
    for k in range(3):
        np.testing.assert_allclose(graph(flows[k : k + 1]).numpy()[0], together[k], atol=1e-4)


def test_strength_is_pixels_of_expression_and_no_blink():
    eye = template()[[EYE_CORNERS[0], 133]].mean(axis=0)
    blink = np.zeros_like(HEAD)
    box = np.s_[int(eye[1]) - CELL : int(eye[1]) + CELL, int(eye[0]) - CELL : int(eye[0]) + CELL]
    blink[box] = (0, 3)
    strength = motion_strength(tf.constant(np.stack([smile(), 2 * smile() + HEAD, HEAD, blink]), tf.float32))
    one, two, head, lid = strength.numpy()
    np.testing.assert_allclose(two, 2 * one, rtol=0.02)
    assert head < 1e-3
    assert lid < one / 4
