"""The client side must not load TensorFlow, and must not spoil a later `import tensorflow`."""

import subprocess
import sys

import pytest


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_client_does_not_load_the_tensorflow_runtime():
    loaded = run_python(
        "import sys, serving.client, serving.runtime.checks\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'keras')])"
    )
    assert loaded.strip() == "[]"


@pytest.mark.slow
def test_tensorflow_loads_whole_after_the_stubs():
    out = run_python(
        "from serving.protocol.stubs import predict_pb2\n"
        "request = predict_pb2.PredictRequest()\n"
        "import tensorflow as tf\n"
        "from tensorflow.core.framework import tensor_pb2\n"
        "request.inputs['a'].CopyFrom(tf.make_tensor_proto([1.0, 2.0]))\n"
        "assert type(request.inputs['a']) is tensor_pb2.TensorProto\n"
        "print(tf.make_ndarray(request.inputs['a']).sum(), tf.keras.layers.Dense.__name__)"
    )
    assert out.split() == ["3.0", "Dense"]
