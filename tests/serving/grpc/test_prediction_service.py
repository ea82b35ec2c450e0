"""TensorFlow Serving's codes and wording over a socket, with the official stubs and hand-built messages.

Every refusal is followed by a good request (`caller.refusal` does that).
"""

from types import SimpleNamespace

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import model_pb2, tensor_pb2, types_pb2
from serving.protocol.tensors import to_proto
from serving.runtime.execution import Deadline, Execution

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def zeros(*shape, dtype=np.uint8):
    return to_proto(np.zeros(shape, dtype))


def raw(shape, content=b"", dtype=types_pb2.DT_UINT8, **fields):
    message = tensor_pb2.TensorProto(dtype=dtype, tensor_content=content, **fields)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


def edited(caller, signature="", **inputs):
    request = caller.good_request(signature)
    for name, tensor in inputs.items():
        request.inputs[name].CopyFrom(tensor)
    return request


# --- the model that is asked for


def test_missing_spec(caller):
    request = caller.good_request()
    request.ClearField("model_spec")
    assert caller.refusal(request) == (INVALID, "Missing ModelSpec")


def test_spec_without_a_name(caller):
    request = caller.good_request()
    request.model_spec.name = ""
    assert caller.refusal(request) == (INVALID, "ModelSpec has no name specified.")


def test_unknown_model(caller):
    request = caller.good_request()
    request.model_spec.name = "../face_flow"
    message = "Servable not found for request: Latest(../face_flow)"
    assert caller.refusal(request) == (grpc.StatusCode.NOT_FOUND, message)


def test_unknown_version(caller):
    request = caller.good_request()
    request.model_spec.version.value = 7
    message = "Servable not found for request: Specific(face_flow, 7)"
    assert caller.refusal(request) == (grpc.StatusCode.NOT_FOUND, message)


def test_unknown_label(caller):
    request = caller.good_request()
    request.model_spec.version_label = "x"
    assert caller.refusal(request) == (INVALID, "Unrecognized servable version label: x")


def test_unknown_signature(caller):
    message = 'Serving signature key "x" not found.'
    assert caller.refusal(caller.good_request("x")) == (grpc.StatusCode.FAILED_PRECONDITION, message)


def test_initialiser_is_not_a_signature(caller):
    code, _ = caller.refusal(caller.good_request("__saved_model_init_op"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION


def test_long_message_is_cut_like_servings(caller):
    code, message = caller.refusal(caller.good_request("x" * 5000))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert len(message) == 1024 + len("...TRUNCATED")


# --- names


def test_missing_input(caller):
    request = caller.good_request()
    del request.inputs["frame2"]
    assert caller.refusal(request) == (
        INVALID,
        "input size does not match signature: 1!=2 len({frame1}) != len({frame1,frame2}). "
        "Sent extra: {}. Missing but required: {frame2}.",
    )


def test_extra_input(caller):
    assert caller.refusal(edited(caller, a=zeros(1))) == (
        INVALID,
        "input size does not match signature: 3!=2 len({a,frame1,frame2}) != len({frame1,frame2}). "
        "Sent extra: {a}. Missing but required: {}.",
    )


def test_wrong_name(caller):
    request = edited(caller, image=zeros(1, 4, 4, 3))
    del request.inputs["frame2"]
    assert caller.refusal(request) == (
        INVALID,
        "Signature input alias: frame2(feed name: serving_default_frame2:0) not found in request and no "
        "default value provided. Inputs expected to be in the request {frame1,image}, "
        "or default input alias set: ",
    )


def test_unknown_output(caller):
    request = caller.good_request()
    request.output_filter.append("z")
    message = "output tensor alias not found in signature: z Outputs expected to be in the set {flow}."
    assert caller.refusal(request) == (INVALID, message)


def test_output_twice(caller):
    request = caller.good_request()
    request.output_filter.extend(["flow", "flow"])
    assert caller.refusal(request) == (INVALID, "duplicate output tensor alias: flow")


# --- tensors


@pytest.mark.parametrize(
    "tensor",
    [
        raw([1, 16, 24, 3], b"too short"),
        raw([1, 16, 24, 3], bytes(16 * 24 * 3 + 1)),
        raw([-1, 16, 24, 3], bytes(16 * 24 * 3)),
        raw([2**32, 2**32, 1, 3]),
        raw([1, 1, 1, 3], bytes(3), dtype=types_pb2.DT_INVALID),
        raw([1, 1, 1, 3], bytes(3), dtype=999),
    ],
    ids=["short", "long", "negative", "overflow", "no type", "unknown type"],
)
def test_malformed_tensor(caller, tensor):
    assert caller.refusal(edited(caller, frame2=tensor)) == (INVALID, "tensor parsing error: frame2")


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(np.float64, "double"), (np.float32, "float"), (np.int32, "int32"), (np.bool_, "bool")],
)
def test_wrong_type(caller, dtype, name):
    request = edited(caller, frame1=zeros(1, 16, 24, 3, dtype=dtype))
    assert caller.refusal(request) == (INVALID, f"Expects arg[0] to be uint8 but {name} is provided")


def test_wrong_type_of_the_second(caller):
    request = edited(caller, "serving_float32", frame2=raw([1], dtype=types_pb2.DT_STRING, string_val=[b"x"]))
    assert caller.refusal(request) == (INVALID, "Expects arg[1] to be float but string is provided")


@pytest.mark.parametrize("shape", [(), (16,), (16, 24), (16, 24, 3), (1, 1, 16, 24, 3)])
def test_wrong_rank(caller, shape):
    code, message = caller.refusal(edited(caller, frame1=zeros(*shape), frame2=zeros(*shape)))
    written = ",".join(map(str, shape))
    assert code is INVALID
    assert message == f"input frame1 has the shape [{written}], but the signature takes [?,?,?,3]"


def test_wrong_channels(caller):
    tensor = zeros(1, 16, 24, 4)
    code, message = caller.refusal(edited(caller, frame1=tensor, frame2=tensor))
    assert code is INVALID
    assert message == "input frame1 has the shape [1,16,24,4], but the signature takes [?,?,?,3]"


@pytest.mark.parametrize("shape", [(0, 16, 24, 3), (1, 0, 24, 3), (1, 16, 0, 3)])
def test_empty(caller, shape):
    code, message = caller.refusal(edited(caller, frame1=zeros(*shape), frame2=zeros(*shape)))
    assert code is INVALID
    assert message.startswith("input frame1 is empty")


@pytest.mark.parametrize("shape", [(1, 16, 25, 3), (1, 24, 16, 3), (2, 16, 24, 3)])
def test_mismatched_frames(caller, shape):
    written = ",".join(map(str, shape))
    assert caller.refusal(edited(caller, frame2=zeros(*shape))) == (
        INVALID,
        f"inputs frame1 and frame2 must have the same shape, but have [1,16,24,3] and [{written}]",
    )


def test_a_few_bytes_that_claim_to_be_terabytes(caller):
    tensor = raw([1, 2**20, 2**20, 3], dtype=types_pb2.DT_FLOAT, float_val=[0.5])
    code, message = caller.refusal(edited(caller, "serving_float32", frame1=tensor, frame2=tensor))
    assert code is INVALID
    assert "more than this server's limit" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(caller, value):
    frame = np.zeros((1, 16, 24, 3), np.float32)
    frame[0, 3, 4, 1] = value
    assert caller.refusal(edited(caller, "serving_float32", frame2=to_proto(frame))) == (
        INVALID,
        "input frame2 holds a value that is NaN or infinite",
    )


def test_message_over_the_limit(caller):
    code, message = caller.refusal(edited(caller, frame1=zeros(1, 2000, 2000, 3)))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in message


def test_compressed_message_that_grows_over_the_limit(caller):
    method = caller.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        method(bytes(20_000_000), timeout=30, compression=grpc.Compression.Gzip)  # 20 kB on the wire
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "Decompressed message larger than max" in caught.value.details()
    caller.check_alive()


# --- answers


def test_answer_equals_tensorflows_own_call_bit_by_bit(caller, version):
    request = caller.good_request()
    tensors = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
    expected = tf.saved_model.load(str(version)).signatures["serving_default"](**tensors)["flow"]
    response = caller.stub.Predict(request)
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["flow"]), expected)
    assert not response.outputs["flow"].tensor_content  # as Serving without a flag
    assert len(response.outputs["flow"].float_val) == expected.shape.num_elements()


@pytest.mark.parametrize("signature", ["", "serving_default", "serving_float32"])
def test_answer_names_what_was_used(caller, version, signature):
    spec = caller.stub.Predict(caller.good_request(signature)).model_spec
    expected = model_pb2.ModelSpec(name="face_flow", signature_name=signature or "serving_default")
    expected.version.value = int(version.name)
    assert spec == expected


def test_version_may_be_named(caller, version):
    request = caller.good_request()
    request.model_spec.version.value = int(version.name)
    assert caller.stub.Predict(request).model_spec.version.value == int(version.name)


def test_output_filter(caller):
    request = caller.good_request()
    request.output_filter.append("flow")
    assert list(caller.stub.Predict(request).outputs) == ["flow"]


def test_values_in_place_of_content(caller):
    """As a client in another language may send them: one value that stands for all."""
    tensor = raw([1, 8, 8, 3], int_val=[128])
    whole = to_proto(np.full((1, 8, 8, 3), 128, np.uint8))
    short = caller.stub.Predict(edited(caller, frame1=tensor, frame2=tensor))
    long = caller.stub.Predict(edited(caller, frame1=whole, frame2=whole))
    assert short == long


def test_tensorflows_own_errors_keep_their_code():
    def fails(*args):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    model = SimpleNamespace(run=fails)
    with pytest.raises(ServingError, match="OOM when allocating") as caught:
        Execution().run(model, "serving_default", {}, [], Deadline())
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
