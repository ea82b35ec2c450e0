"""Warm-up requests of every API, what a model without checks computes, and dtypes that JSON has not."""

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import predict_pb2, prediction_log_pb2
from serving.protocol.tensors import to_array, to_proto
from serving.repository.model import Model
from serving.repository.models import Models
from serving.runtime.data_plane import DataPlane, warm_up
from serving.runtime.execution import Deadline, Execution
from serving.runtime.metrics import Metrics

from ..conftest import save_toy


@pytest.fixture
def toy(tmp_path):
    save_toy(tmp_path / "toy" / "1")
    return Model(tmp_path / "toy" / "1")


class Runs:
    """An execution that notes which signatures run."""

    def __init__(self):
        self.signatures = []
        self._real = Execution()

    def run(self, model, signature, *args, **more):
        self.signatures.append(signature)
        return self._real.run(model, signature, *args, **more)


def log_of(kind, signature):
    log = prediction_log_pb2.PredictionLog()
    request = getattr(log, kind).request
    if kind == "multi_inference_log":
        task = request.tasks.add(method_name="tensorflow/serving/regress")
        task.model_spec.signature_name = signature
    else:
        request.model_spec.signature_name = signature
    if kind == "predict_log":
        request.inputs["x"].CopyFrom(to_proto(np.float32([1])))
    else:
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.extend([1, 2])
    return log


@pytest.mark.parametrize(
    ("kind", "signature"),
    [
        ("predict_log", "serving_default"),
        ("classify_log", "classify"),
        ("regress_log", "regress"),
        ("multi_inference_log", "regress"),
    ],
)
def test_warm_up_runs_every_api(toy, kind, signature):
    runs = Runs()
    warm_up(runs, toy, log_of(kind, signature))
    assert runs.signatures == [signature]


def test_warm_up_of_a_wrong_request(toy):
    with pytest.raises(ServingError, match="No signature was found with the name: absent"):
        warm_up(Runs(), toy, log_of("classify_log", "absent"))
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    with pytest.raises(ServingError, match="Unsupported log_type for warmup: 5") as caught:
        warm_up(Runs(), toy, log)
    assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """A model with inputs that are declared alike, and with rare dtypes."""
    folder = tmp_path_factory.mktemp("models")

    alike = [tf.TensorSpec([None, None], tf.float32, name) for name in ("sequence", "mask")]

    @tf.function(input_signature=alike)
    def masked(sequence, mask):
        return {"sums": tf.reduce_sum(sequence) + tf.reduce_sum(mask)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.bfloat16, "x")])
    def rare(x):
        return {"y": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.complex64, "x")])
    def conjugate(x):
        return {"y": tf.math.conj(x)}

    @tf.function(input_signature=[tf.TensorSpec([2, None], tf.float32, "x")])
    def product(x):
        return {"y": tf.matmul(x, tf.ones([3, 1]))}

    signatures = {"serving_default": masked, "bfloat16": rare, "complex64": conjugate, "product": product}
    tf.saved_model.save(tf.Module(), str(folder / "m" / "1"), signatures=signatures)
    return DataPlane(Models(folder, lambda model, log: None), Execution(), Metrics())


def predict(plane, signature, **inputs):
    request = predict_pb2.PredictRequest(inputs={name: to_proto(array) for name, array in inputs.items()})
    request.model_spec.name, request.model_spec.signature_name = "m", signature
    return {name: to_array(proto) for name, proto in plane.predict(request, Deadline()).outputs.items()}


def test_inputs_that_are_declared_alike_may_differ(plane):
    found = predict(plane, "", sequence=np.ones((2, 5), np.float32), mask=np.ones((2, 1), np.float32))
    assert found["sums"] == 12


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_computed(plane, value):
    one = np.full((1, 1), value, np.float32)
    np.testing.assert_array_equal(predict(plane, "", sequence=one, mask=one)["sums"], value)


def test_empty_inputs_are_computed(plane):
    empty = np.ones((0, 3), np.float32)
    assert predict(plane, "", sequence=empty, mask=empty)["sums"] == 0


def test_bfloat16_and_complex64(plane):
    bfloat16 = tf.bfloat16.as_numpy_dtype
    assert predict(plane, "bfloat16", x=np.array([1.5], bfloat16))["y"] == bfloat16(3)
    assert predict(plane, "complex64", x=np.complex64([1 + 2j]))["y"] == np.complex64(1 - 2j)


def test_what_tensorflow_rejects_has_its_own_status(plane):
    with pytest.raises(ServingError) as caught:
        predict(plane, "product", x=np.ones((2, 2, 2), np.float32))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
