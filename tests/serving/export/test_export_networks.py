"""Every network is exported with TensorFlow's own operations only, whatever it was trained with."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flow_networks import NETWORKS, build_network
from serving.export.saved_model import export_flow, graph_ops

# Reads the names of all operations as a server does that has never heard of Addons.
KNOWN = """
import json, sys
import tensorflow as tf
from tensorflow.python.framework import op_def_registry
for name, ops in json.load(sys.stdin).items():
    unknown = [op for op in ops if op_def_registry.get(op) is None]
    assert not unknown, (name, unknown)
assert "tensorflow_addons" not in sys.modules
"""

# Answers, too.
SERVE = """
import json, sys
import numpy as np, tensorflow as tf
for folder in json.load(sys.stdin):
    signature = tf.saved_model.load(folder).signatures["serving_float32"]
    frames = np.load(folder + "/frames.npz")
    outputs = signature(**{name: tf.constant(frames[name]) for name in ("frame1", "frame2")})
    assert set(outputs) == set(frames) - {"frame1", "frame2"}
    for name, values in outputs.items():
        np.testing.assert_allclose(values, frames[name], atol=1e-4)
assert "tensorflow_addons" not in sys.modules
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folders = {}
    one_update = {"num_flow_updates": 1, "num_coarse_flow_updates": 1}
    cases = [(name, one_update if name in ("pyramid_flow", "block_flow") else {}) for name in NETWORKS]
    for name, more in [*cases, ("flownet_s", {"num_flow_updates": 2})]:
        keras.utils.set_random_seed(0)
        network = build_network(name, width=0.0625, **more)
        first, second = np.random.default_rng(0).random((2, 1, 70, 90, 3)).astype(np.float32)
        # In training mode first, where the correlation is Addons'.
        outputs = network({"frame1": first, "frame2": second}, training=True)
        served = {name: outputs[name] for name in ("flow", "uncertainty") if name in outputs}
        folder = export_flow(network, tmp_path_factory.mktemp(name))
        np.savez(folder / "frames.npz", frame1=first, frame2=second, **served)
        folders[name, *more] = folder
    return folders


def without_addons(code, given):
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(given), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_every_op_of_every_network_is_tensorflows_own(exported):
    ops = {str(case): sorted(graph_ops(folder)) for case, folder in exported.items()}
    assert all("Conv2D" in found for found in ops.values())
    without_addons(KNOWN, ops)


def test_no_operation_that_tensorflow_js_cannot_run(exported):
    """Its converter 4.22 refuses SpaceToDepth, and takes the others, which fail or give a wrong size."""
    for case, folder in exported.items():
        graph = tf.saved_model.load(str(folder)).signatures["frames"].graph.as_graph_def()
        functions = (node for function in graph.library.function for node in function.node_def)
        found = {node.op for node in (*graph.node, *functions)}
        assert "Conv2D" in found
        assert not found & {"SpaceToDepth", "EnsureShape", "BroadcastTo"}, case


@pytest.mark.slow
def test_a_process_without_addons_serves_every_network(exported):
    without_addons(SERVE, [str(folder) for folder in exported.values()])
