"""The program of docs/serving.md that answers by ONNX Runtime, with another file and port."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from serving.client import FaceFlowClient, ServerError
from serving.export.onnx_graphs import with_one_input

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def difference_model(path):
    """A model whose flow is the first two channels of frame 1 minus those of frame 2, in [-1, 1]."""
    kind = [None, None, None, 3]
    frames = [helper.make_tensor_value_info(name, 1, kind) for name in ("frame1", "frame2")]
    flow = helper.make_tensor_value_info("flow", 1, [None, None, None, 2])
    nodes = [
        helper.make_node("Sub", ["frame1", "frame2"], ["difference"]),
        helper.make_node("Slice", ["difference", "from", "to", "axis"], ["flow"]),
    ]
    numbers = {"from": [0], "to": [2], "axis": [3]}
    constants = [numpy_helper.from_array(np.array(value), name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, "by_hand", frames, [flow], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(with_one_input(model), str(path))
    return path


@pytest.fixture
def address(tmp_path):
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        if "face_flow_frames.onnx" in block
    ]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    model = difference_model(tmp_path / "face_flow_frames.onnx")
    for before, after in (("MODELS/face_flow_frames.onnx", str(model)), ("127.0.0.1:8500", address)):
        assert before in code
        code = code.replace(before, after)
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            with grpc.insecure_channel(address) as channel:
                grpc.channel_ready_future(channel).result(timeout=60)
            yield address
        finally:
            process.kill()


def test_the_client_gets_the_flow_of_the_model(address):
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 7, 3), np.uint8)
    with FaceFlowClient(address) as client:
        flow = client.flow(*frames)
        expected = (np.float32(frames[0]) - np.float32(frames[1]))[..., :2] / 255
        np.testing.assert_allclose(flow, expected, atol=1e-6)
        with pytest.raises(ServerError, match="Unexpected input data type"):
            client.flow(*np.float32(frames) / 255)
