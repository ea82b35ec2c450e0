"""Models of other make: TensorFlow 1, no variables, ranks that are not declared."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from serving.repository.aborting_operations import signatures_that_can_abort
from serving.repository.model import Model, read_meta_graph
from serving.repository.versions import is_complete

v1 = tf.compat.v1


def save_tf1(folder, with_variables=True):
    """Half plus three, and a counter, with the reference variables and the parsing of TensorFlow 1."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 1], "x")
        serialised = v1.placeholder(tf.string, name="tf_example")
        parsed = v1.parse_example(serialised, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        signatures = {}
        if with_variables:
            half = v1.Variable(0.5, use_resource=False)
            three = v1.Variable(3.0, use_resource=False)
            counter = v1.Variable(0.0, use_resource=False)
            delta = v1.placeholder(tf.float32, [], "delta")
            added, half_as_much = v1.assign_add(counter, delta), v1.assign_add(counter, delta / 2)
            outputs = {"output": added, "other": half_as_much}
            signatures["count"] = v1.saved_model.predict_signature_def({"delta": delta}, outputs)
            session.run(v1.global_variables_initializer())
        else:
            half, three = tf.constant(0.5), tf.constant(3.0)
        y, scores = half * x + three, half * parsed["x"] + three
        outputs = {"y": y, "twice": 2 * y}
        signatures["serving_default"] = v1.saved_model.predict_signature_def({"x": x}, outputs)
        signatures["regress"] = v1.saved_model.regression_signature_def(serialised, scores)
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], signatures)
        builder.save()
    return folder


@pytest.fixture
def tf1(tmp_path):
    return Model(save_tf1(tmp_path / "half" / "00000123"))


def test_tensorflow_1(tf1):
    assert (tf1.name, tf1.version) == ("half", 123)
    found = tf1.run("serving_default", {"x": np.float32([[2.0]])}, ["y"])
    assert {name: value.tolist() for name, value in found.items()} == {"y": [[4.0]]}
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(2.0)
    examples = np.array([example.SerializeToString()], object)
    assert tf1.run("regress", {"inputs": examples}, ["outputs"])["outputs"].tolist() == [[4.0]]


def test_only_requested_outputs_are_computed(tf1):
    """As Serving fetches them: a counter counts once for each request."""
    one = {"delta": np.float32(1)}
    assert [float(tf1.run("count", one, ["output"])["output"]) for _ in range(3)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2), (1, 2, 3)])
def test_tensorflow_1_with_another_rank(tf1, shape):
    found = tf1.run("serving_default", {"x": np.full(shape, 2.0, np.float32)}, ["y"])["y"]
    np.testing.assert_array_equal(found, np.full(shape, 4.0))
    assert tf1.input_checks("serving_default") == frozenset()


def test_a_model_without_variables(tmp_path):
    folder = save_tf1(tmp_path / "half" / "1", with_variables=False)
    for path in (folder / "variables").glob("*"):
        path.unlink()
    (folder / "variables").rmdir()
    assert is_complete(folder)
    found = Model(folder).run("serving_default", {"x": np.float32([[2.0]])}, ["y"])["y"]
    assert found.tolist() == [[4.0]]


def test_a_model_whose_variables_are_still_copied(tmp_path):
    folder = save_tf1(tmp_path / "half" / "1")
    (folder / "variables" / "variables.index").unlink()
    assert not is_complete(folder)
    (folder / "saved_model.pb").unlink()
    assert not is_complete(folder)


# --- ranks


def save_tf2(folder, compute, shape):
    function = tf.function(
        lambda x: {"y": compute(x)}, input_signature=[tf.TensorSpec(shape, tf.float32, "x")]
    )
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})
    return folder


def conv(x):
    return tf.nn.conv2d(x, tf.ones([3, 3, 3, 2]), 1, "SAME")


PICTURE = [None, None, None, 3]
GRAPHS = {
    "convolution": (conv, PICTURE, True),
    "behind other operations": (lambda x: tf.nn.relu(conv(tf.reverse(2 * x, [1]))), PICTURE, True),
    "in a branch": (lambda x: tf.cond(tf.size(x) > 3, lambda: conv(x), lambda: conv(2 * x)), PICTURE, True),
    "depthwise": (lambda x: tf.nn.depthwise_conv2d(x, tf.ones([3, 3, 3, 1]), [1] * 4, "SAME"), PICTURE, True),
    "reshape to four": (lambda x: conv(tf.reshape(x, [-1, 4, 4, 3])), [None, 48], False),
    "reshape that keeps the rank": (lambda x: conv(tf.reshape(x, tf.shape(x))), PICTURE, True),
    "rank is asserted": (lambda x: conv(tf.ensure_shape(x, PICTURE)), PICTURE, False),
    "of constants": (lambda x: x + tf.reduce_sum(conv(tf.ones([1, 4, 4, 3]))), PICTURE, False),
    "pooling": (lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"), PICTURE, False),
    "matrix": (lambda x: tf.matmul(x, tf.ones([3, 2])), [None, 3], False),
    "unknown rank": (conv, None, False),
}


@pytest.mark.parametrize(("compute", "shape", "aborts"), GRAPHS.values(), ids=GRAPHS)
def test_which_graphs_need_their_rank(tmp_path, compute, shape, aborts):
    folder = save_tf2(tmp_path / "1", compute, shape)
    assert (signatures_that_can_abort(read_meta_graph(folder)) == {"serving_default"}) == aborts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convolution", "depthwise", "pooling", "reshape to four", "matrix"])
def test_the_process_really_aborts_or_not(tmp_path, name):
    """In a process of its own, a tensor of the wrong rank."""
    compute, shape, aborts = GRAPHS[name]
    folder = save_tf2(tmp_path / "1", compute, shape)
    code = (
        "import tensorflow as tf\n"
        f"run = tf.saved_model.load({str(folder)!r}).signatures['serving_default']\n"
        "try:\n    run(x=tf.ones([3, 4]))\n"
        "except tf.errors.InvalidArgumentError:\n    pass"
    )
    assert (subprocess.run([sys.executable, "-c", code], capture_output=True).returncode != 0) == aborts


@pytest.mark.parametrize("name", ["models[2]", "models*"])
def test_folders_with_wildcards_in_their_names(tmp_path, name):
    class Doubled(tf.Module):
        def __init__(self):
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, x):
            return {"y": self.factor * x}

    module = Doubled()
    tf.saved_model.save(module, str(tmp_path / "plain"), signatures=module.__call__)
    folder = tmp_path / name / "doubled" / "1"
    folder.parent.mkdir(parents=True)
    (tmp_path / "plain").rename(folder)
    assert "serving_default" in Model(folder).signatures
