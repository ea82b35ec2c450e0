"""Graphs made small at export: fewer operations, the same numbers, and variables that stay variables."""

import numpy as np
import tensorflow as tf

from serving.export.graph_optimisation import optimised


def test_the_same_with_fewer_operations():
    scale = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def wasteful(x):
        @tf.function
        def twice(y):
            return y * tf.constant(2.0)

        return sum(twice(x) * scale / tf.constant(0.5) for _ in range(10)) + tf.constant(4.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def outer(x):
        return small(x)

    small = optimised(wasteful)
    x = np.float32([[1, 2], [3, 4], [-5, 0.5]])
    np.testing.assert_allclose(outer(x), 10 * 2 * 3 * 2 * x + 4, rtol=1e-6)
    assert outer.get_concrete_function().output_shapes.as_list() == [None, 2]
    graph = outer.get_concrete_function().graph.as_graph_def()
    (inner,) = [f for f in graph.library.function if len(f.node_def) > 1]
    ops = [node.op for node in inner.node_def]
    assert not [op for op in ops if "Call" in op]  # all is inlined
    assert ops.count("Const") <= 4  # 2, 0.5, 4 and the 0 that a sum begins with
    scale.assign(5.0)
    np.testing.assert_allclose(outer(x), 10 * 2 * 5 * 2 * x + 4, rtol=1e-6)


def test_several_outputs_keep_their_names():
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def both(x):
        return {"b": 2 * x, "a": x[:, :1] + 1}

    found = optimised(both)(tf.constant([[1.0, 2.0]]))
    np.testing.assert_array_equal(found["a"], [[2]])
    np.testing.assert_array_equal(found["b"], [[2, 4]])
