"""What nobody meant to send, over the socket: no crash, no hang, no leak, and the next answer is right."""

import gc
import logging
import random
import resource
import threading
from http.client import HTTPConnection
from pathlib import Path

import grpc
import numpy as np
import pytest

from pipelines.io.images import encode_png
from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
)
from serving.protocol.tensors import to_array, to_proto

PNG = encode_png(np.full((2, 2, 3), 128, np.uint8))

# What a refusal may be: INTERNAL is a fault of ours, or bytes that are no message at all.
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
}


def requests(caller):
    """A good request of each method, except reload: it would be obeyed when it comes to say nothing."""
    toy = model_pb2.ModelSpec(name="toy", signature_name="classify")
    classify = classification_pb2.ClassificationRequest(model_spec=toy)
    example = classify.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.extend([1, 2])
    several = inference_pb2.MultiInferenceRequest(input=classify.input)
    several.tasks.add(model_spec=toy, method_name="tensorflow/serving/classify")
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=toy, metadata_field=["signature_def"]
    )
    text = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="toy", signature_name="echo"))
    text.inputs["text"].CopyFrom(to_proto(np.array([b"a", b"b"], object)))
    files = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(name="face_flow", signature_name="encoded")
    )
    for name in ("frame1", "frame2"):
        files.inputs[name].CopyFrom(to_proto(np.array([PNG], object)))
    small = caller.good_request()
    for name in ("frame1", "frame2"):
        small.inputs[name].CopyFrom(to_proto(np.zeros((1, 2, 2, 3), np.uint8)))
    prediction, models = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
    return [
        (prediction + "Predict", small),
        (prediction + "Predict", text),
        (prediction + "Predict", files),
        (prediction + "Classify", classify),
        (prediction + "Regress", classify),
        (prediction + "MultiInference", several),
        (prediction + "GetModelMetadata", metadata),
        (models + "GetModelStatus", get_model_status_pb2.GetModelStatusRequest(model_spec=toy)),
    ]


def mutated(wire, rng):
    wire = bytearray(wire)
    for _ in range(rng.randint(1, 4)):
        position, kind = rng.randrange(len(wire) + 1), rng.randrange(4)
        if kind == 0 and wire:
            wire[position % len(wire)] = rng.randrange(256)
        elif kind == 1:
            del wire[position : position + rng.randint(1, 8)]
        elif kind == 2:
            wire[position:position] = rng.randbytes(rng.randint(1, 8))
        else:
            start = rng.randrange(len(wire) + 1)
            wire[position:position] = wire[start : start + rng.randint(1, 16)]
    return bytes(wire)


def resident():
    """Memory of this process, which is the server's too, MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def fuzz(caller, count, seed):
    rng, codes, wrong = random.Random(seed), set(), []
    good = [(method, request.SerializeToString()) for method, request in requests(caller)]
    calls = {method: caller.channel.unary_unary(method) for method, _ in good}
    frame = caller.stub.Predict(caller.good_request())
    for number in range(count):
        method, wire = rng.choice(good)
        try:
            calls[method](mutated(wire, rng), timeout=60)
        except grpc.RpcError as error:
            codes.add(error.code())
            if error.code() not in REFUSALS and "deserializing" not in error.details():
                wrong.append((method, error.code(), error.details()))
        if number % 50 == 49:
            assert caller.stub.Predict(caller.good_request(), timeout=60) == frame
    assert wrong == []
    assert grpc.StatusCode.INVALID_ARGUMENT in codes
    caller.check_alive()


def test_mutated_messages(caller):
    fuzz(caller, 400, seed=0)


@pytest.fixture
def no_logs():
    """What pytest keeps of a hundred thousand log records would look like a leak of the server's."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.usefixtures("no_logs")
def test_a_hundred_thousand_mutated_messages(caller):
    fuzz(caller, 2_000, seed=1)  # whatever is allocated once
    before = resident()
    fuzz(caller, 100_000, seed=2)
    assert resident() - before < 0.02 * before + 20


def test_what_is_no_message_costs_no_memory(caller):
    """gRPC itself keeps 15 KB of each (`serving.grpc.interceptors`), 15 MB here."""
    methods = [
        caller.channel.unary_unary("/tensorflow.serving.PredictionService/Predict"),
        caller.channel.unary_unary("/grpc.health.v1.Health/Check"),
        lambda wire: list(caller.channel.unary_stream("/grpc.health.v1.Health/Watch")(wire)),
        lambda wire: list(
            caller.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")(
                iter([wire])
            )
        ),
    ]
    for count in (400, 1000):
        before = resident()
        for number in range(count):
            with pytest.raises(grpc.RpcError) as caught:
                methods[number % len(methods)](b"\xff\xff\xff")
            assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert resident() - before < 5
    caller.check_alive()


def test_mutated_rest_bodies(server):
    rng = random.Random(0)
    bodies = [
        b'{"instances": [1.0, 2.5, -3]}',
        b'{"signature_name": "echo", "inputs": [{"b64": "AAAA"}, "text"]}',
        b'{"signature_name": "classify", "context": {}, "examples": [{"x": [1.0, 2.0]}, {"x": [1, "a"]}]}',
    ]
    connection = HTTPConnection(server.rest_address, timeout=60)
    for _ in range(200):
        body = rng.choice(bodies)
        method = "classify" if b"classify" in body else "predict"
        connection.request("POST", f"/v1/models/toy:{method}", mutated(body, rng))
        response = connection.getresponse()
        assert response.status in (200, 400), response.read()
        response.read()
    connection.close()


def test_two_hundred_clients_that_vanish_in_mid_call(server, caller):
    """Half of them hang up, half cut the connection; whoever comes next is answered."""
    request = caller.good_request()
    for name in ("frame1", "frame2"):
        request.inputs[name].CopyFrom(to_proto(np.zeros((1, 128, 128, 3), np.uint8)))
    path, wire = "/tensorflow.serving.PredictionService/Predict", request.SerializeToString()
    channels = [
        grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(200)
    ]
    calls = [channel.unary_unary(path).future(wire, timeout=60) for channel in channels]
    calls[0].result()
    for number, (channel, call) in enumerate(zip(channels, calls, strict=True)):
        if number % 2:
            call.cancel()
        channel.close()
    caller.check_alive()


def test_a_thousand_wrong_ranks_while_others_are_answered(caller):
    """One of them, let through, would end TensorFlow's process."""
    bad = caller.good_request()
    for name in ("frame1", "frame2"):
        bad.inputs[name].CopyFrom(to_proto(np.zeros((16, 24, 3), np.uint8)))
    good = caller.good_request()
    expected = to_array(caller.stub.Predict(good).outputs["flow"])
    answers, done = [], threading.Event()

    def ask():
        while not done.is_set():
            answers.append(to_array(caller.stub.Predict(good, timeout=60).outputs["flow"]))

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(1000):
        with pytest.raises(grpc.RpcError) as caught:
            caller.stub.Predict(bad, timeout=60)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    done.set()
    asking.join()
    assert len(answers) > 10
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)
