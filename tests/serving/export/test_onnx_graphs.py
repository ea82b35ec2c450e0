"""Graphs of ONNX by hand, run by ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from serving.export.onnx_graphs import name_axes, order_inputs, weights_as_float16, with_one_input

SHAPE = [None, None, None, 3]


def difference_graph(names, weights=None):
    """flow = weights * (frame1 - frame2), with its inputs in an order."""
    weights = np.float32([2, 2, 2]) if weights is None else weights
    frames = [helper.make_tensor_value_info(name, 1, SHAPE) for name in names]
    flow = helper.make_tensor_value_info("flow", 1, [None] * 4)
    nodes = [
        helper.make_node("Sub", ["frame1", "frame2"], ["moved"]),
        helper.make_node("Mul", ["moved", "weights"], ["flow"]),
    ]
    graph = helper.make_graph(nodes, "by_hand", frames, [flow], [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model, inputs):
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    if isinstance(inputs, list):
        inputs = {node.name: value for node, value in zip(session.get_inputs(), inputs, strict=True)}
    return session.run(["flow"], inputs)[0]


@pytest.mark.parametrize("names", [("frame1", "frame2"), ("frame2", "frame1")])
def test_frames_in_a_list_are_not_exchanged(names):
    model = difference_graph(names)
    order_inputs(model, ("frame1", "frame2"))
    ones, zeros = np.ones((1, 2, 2, 3), np.float32), np.zeros((1, 2, 2, 3), np.float32)
    np.testing.assert_array_equal(run(model, [ones, zeros]), np.full((1, 2, 2, 3), 2))


def test_axes_are_named():
    """ONNX Runtime reads the names; what has a fixed length keeps it."""
    model = difference_graph(("frame1", "frame2"))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 64
    name_axes(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 64, "width", 3]
    assert session.get_inputs()[1].shape == ["batch", "height", "width", 3]
    assert session.get_outputs()[0].shape[::2] == ["batch", "width"]  # the height follows from the input


@pytest.mark.parametrize("names", [("frame1", "frame2"), ("frame2", "frame1")])
def test_one_input(names):
    """The same bits as NumPy's division, in the order of the frames."""
    frames = np.random.default_rng(0).integers(0, 256, (3, 2, 4, 5, 3), np.uint8)
    model = difference_graph(names)
    scaled = np.float32(frames) / 255
    expected = 2 * (scaled[:, 0] - scaled[:, 1])
    np.testing.assert_array_equal(run(with_one_input(model), {"frames": frames}), expected)
    assert [node.name for node in model.graph.input] == list(names)  # not changed


def test_weights_in_half_precision():
    """Large tensors are rounded to half precision, to the bit; small ones are left alone."""
    weights = np.random.default_rng(0).normal(size=(256, 3)).astype(np.float32)
    frames = {"frame1": np.ones((1, 1, 256, 3), np.float32), "frame2": np.zeros((1, 1, 256, 3), np.float32)}
    model = difference_graph(("frame1", "frame2"), weights)
    before = len(model.SerializeToString())
    weights_as_float16(model)
    assert len(model.SerializeToString()) < 0.6 * before
    np.testing.assert_array_equal(run(model, frames)[0, 0], np.float32(weights.astype(np.float16)))
    small = difference_graph(("frame1", "frame2"), np.float32([0.1, 0.2, 0.3]))
    weights_as_float16(small)
    np.testing.assert_array_equal(run(small, frames)[0, 0, 0], np.float32([0.1, 0.2, 0.3]))
