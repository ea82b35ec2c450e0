import pickle
import threading
from concurrent import futures

import grpc
import keras
import numpy as np
import pytest

from pipelines.errors import InputError
from serving.client import FaceFlowClient, ServerError
from serving.export.saved_model import export_flow
from serving.protocol.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.protocol.tensors import to_array, to_proto
from serving.server import Server


def local_flow(network, frame1, frame2):
    return network({"frame1": np.float32(frame1) / 255, "frame2": np.float32(frame2) / 255})["flow"].numpy()


@pytest.mark.parametrize("shape", [(127, 253, 3), (1, 1, 3), (64, 64, 3), (1, 300, 3)])
def test_same_flow_as_without_a_server(client, network, frames, shape):
    frame1, frame2 = frames(shape)
    flow = client.flow(frame1, frame2)
    assert (flow.shape, flow.dtype) == ((*shape[:2], 2), np.float32)
    np.testing.assert_allclose(flow, local_flow(network, frame1[None], frame2[None])[0], atol=1e-5)


def test_batch(client, frames):
    frame1, frame2 = frames((5, 33, 17, 3))
    flow = client.flow(frame1, frame2)
    assert flow.shape == (5, 33, 17, 2)
    for i in range(5):
        np.testing.assert_allclose(flow[i], client.flow(frame1[i], frame2[i]), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_give_what_bytes_give(client, frames, dtype):
    frame1, frame2 = frames((40, 50, 3))
    floats = (frame1.astype(dtype) / 255, frame2.astype(dtype) / 255)
    np.testing.assert_allclose(client.flow(*floats), client.flow(frame1, frame2), atol=1e-5)


def test_views_are_sent_as_they_look(client, frames):
    frame1, frame2 = (frame[::-1, ::2, ::-1] for frame in frames((20, 40, 3)))
    whole = client.flow(frame1.copy(), frame2.copy())
    np.testing.assert_array_equal(client.flow(frame1, frame2), whole)


def test_answer_may_be_written_to(client, frames):
    flow = client.flow(*frames((8, 8, 3)))
    flow += 1


def test_answer_beyond_grpcs_own_limit(client, frames):
    flow = client.flow(*frames((9, 256, 256, 3)))
    assert flow.nbytes > 4 * 2**20


@pytest.mark.parametrize(
    ("frame1", "frame2", "message"),
    [
        (np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8), r"frame1 has the shape \(8, 8\)"),
        (np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 4), np.uint8), r"frame1 has the shape \(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), np.zeros((0, 8, 3), np.uint8), r"frame1 has the shape \(0, 8, 3\)"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8), "both must have the same size"),
        (
            np.zeros((8, 8, 3), np.uint8),
            np.zeros((8, 8, 3), np.float32),
            "both must have the same size and type",
        ),
        (np.zeros((8, 8, 3), np.uint16), np.zeros((8, 8, 3), np.uint16), "frame1 is uint16"),
        (np.full((8, 8, 3), 200.0), np.zeros((8, 8, 3)), r"frame1 holds NaN or values outside of \[0, 1\]"),
        (np.zeros((8, 8, 3)), np.full((8, 8, 3), np.nan), r"frame2 holds NaN or values outside of \[0, 1\]"),
    ],
)
def test_no_frames(client, frame1, frame2, message):
    with pytest.raises(InputError, match=message):
        client.flow(frame1, frame2)


def test_nobody_there(free_port, frames):
    address = f"127.0.0.1:{free_port}"
    with (
        FaceFlowClient(address, retries=0) as client,
        pytest.raises(ServerError, match=f"^{address}: no server answers"),
    ):
        client.flow(*frames((8, 8, 3)))


def test_refusal_is_told(server, frames):
    with FaceFlowClient(server.address, model="other") as client, pytest.raises(ServerError) as caught:
        client.flow(*frames((8, 8, 3)))
    assert caught.value.code is grpc.StatusCode.NOT_FOUND
    assert str(caught.value) == (
        f"{server.address}: the server answers NOT_FOUND: Servable not found for request: Latest(other)"
    )


def flaky_server(failures, code=grpc.StatusCode.UNAVAILABLE, may_answer=None):
    """A server that fails a number of times, then answers with zeros; and what it was asked.

    It waits with its answer for the event `may_answer`, if there is one.
    """
    asked = []

    class Flaky(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            asked.append(request)
            if len(asked) <= failures:
                context.abort(code, "busy")
            if may_answer:
                may_answer.wait(60)
            frame = to_array(request.inputs["frame1"])
            zeros = np.zeros((*frame.shape[:3], 2), np.float32)
            return predict_pb2.PredictResponse(outputs={"flow": to_proto(zeros)})

    server = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Flaky(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}", asked


def test_retries_while_the_server_is_unavailable(frames):
    server, address, asked = flaky_server(2)
    with FaceFlowClient(address) as client:
        assert client.flow(*frames((8, 8, 3))).shape == (8, 8, 2)
    assert len(asked) == 3
    server.stop(None).wait()


def test_retries_come_to_an_end(frames):
    server, address, asked = flaky_server(99)
    with FaceFlowClient(address, retries=1) as client, pytest.raises(ServerError, match="busy"):
        client.flow(*frames((8, 8, 3)))
    assert len(asked) == 2
    server.stop(None).wait()


def test_refusals_are_not_repeated(frames):
    server, address, asked = flaky_server(99, grpc.StatusCode.NOT_FOUND)
    with FaceFlowClient(address) as client, pytest.raises(ServerError, match="busy"):
        client.flow(*frames((8, 8, 3)))
    assert len(asked) == 1
    server.stop(None).wait()


def test_deadline_holds_for_all_attempts_together(frames):
    """A client without it would wait until the server answers after a minute, and raise nothing."""
    may_answer = threading.Event()
    server, address, _ = flaky_server(1, may_answer=may_answer)
    with FaceFlowClient(address, timeout=0.5) as client, pytest.raises(ServerError, match=r"within 0.5 s"):
        client.flow(*frames((8, 8, 3)))
    may_answer.set()
    server.stop(None).wait()


def test_a_large_batch_goes_in_parts(frames, monkeypatch):
    monkeypatch.setattr("serving.client._PART", 2 * 8 * 8 * 3 * 2)
    server, address, asked = flaky_server(0)
    with FaceFlowClient(address) as client:
        assert client.flow(*frames((5, 8, 8, 3))).shape == (5, 8, 8, 2)
    assert [len(to_array(request.inputs["frame1"])) for request in asked] == [2, 2, 1]
    server.stop(None).wait()


def test_face_is_found_on_the_clients_side(frames, portrait):
    """The frame is 512 pixels wide; what the server sees is the crop."""
    server, address, asked = flaky_server(0)
    with FaceFlowClient(address) as client:
        found = client.face_flow(portrait, portrait)
    assert (found.flow.shape, found.landmarks.shape) == ((512, 512, 2), (478, 2))
    assert to_array(asked[0].inputs["frame1"]).shape == (1, 256, 256, 3)
    assert 0.02 < found.valid.mean() < 0.9
    np.testing.assert_array_equal(found.flow[found.valid], 0)
    server.stop(None).wait()


def test_version_and_label_at_once():
    with pytest.raises(InputError, match="version and label are mutually exclusive"):
        FaceFlowClient("127.0.0.1:1", version=1, label="stable")


def test_answer_without_a_flow(frames):
    class OtherModel(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            return predict_pb2.PredictResponse(outputs={"probabilities": to_proto(np.zeros((1, 3), "f4"))})

    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(OtherModel(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with FaceFlowClient(f"127.0.0.1:{port}") as client, pytest.raises(ServerError, match="holds no flow"):
            client.flow(*frames((8, 8, 3)))
    finally:
        server.stop(None).wait()


def test_uncertainty(network, frames, tmp_path):
    """A served network that estimates its error: it is sent to those who ask for it."""
    estimates = dict(network.output) | {"uncertainty": 2 + network.output["flow"][..., :1]}
    export_flow(keras.Model(network.input, estimates), tmp_path)
    frame1, frame2 = frames((3, 20, 24, 3))
    with Server(tmp_path, port=0) as running, FaceFlowClient(running.address) as client:
        flow, uncertainty = client.flow(frame1, frame2, return_uncertainty=True)
        np.testing.assert_allclose(flow, client.flow(frame1, frame2), atol=1e-6)
        np.testing.assert_allclose(uncertainty, 2 + flow[..., 0], atol=1e-6)
        one = client.flow(frame1[0], frame2[0], return_uncertainty=True)[1]
        np.testing.assert_allclose(one, uncertainty[0], atol=1e-5)


def test_no_uncertainty(client, frames):
    with pytest.raises(ServerError, match=r"alias not found in signature: uncertainty .* \{flow\}"):
        client.flow(*frames((8, 8, 3)), return_uncertainty=True)


def test_message_over_the_servers_limit(server, client, frames):
    with pytest.raises(ServerError, match="RESOURCE_EXHAUSTED"):
        client.flow(*frames((2000, 2000, 3)))
    assert client.flow(*frames((8, 8, 3))).shape == (8, 8, 2)


def test_errors_reach_other_processes():
    error = pickle.loads(pickle.dumps(ServerError("no server", grpc.StatusCode.UNAVAILABLE)))
    assert (str(error), error.code) == ("no server", grpc.StatusCode.UNAVAILABLE)
