from concurrent import futures

import grpc
import numpy as np
import pytest

from pipelines.errors import InputError
from serving.client import FaceFlowClient, ServerError
from serving.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.tensors import to_proto


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
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8), "both must be of one size"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.float32), "both must be of one size and type"),
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
        FaceFlowClient(address) as client,
        pytest.raises(ServerError, match=f"^{address}: no server answers"),
    ):
        client.flow(*frames((8, 8, 3)))


def test_refusal_is_told(server, frames):
    with FaceFlowClient(server.address, model="other") as client, pytest.raises(ServerError) as caught:
        client.flow(*frames((8, 8, 3)))
    assert caught.value.code is grpc.StatusCode.NOT_FOUND
    assert str(caught.value) == (
        f"{server.address}: the server refuses: NOT_FOUND: Servable not found for request: Latest(other)"
    )


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


def test_message_over_the_servers_limit(server, client, frames):
    with pytest.raises(ServerError, match="RESOURCE_EXHAUSTED"):
        client.flow(*frames((2000, 2000, 3)))
    assert client.flow(*frames((8, 8, 3))).shape == (8, 8, 2)
