"""One exported model and one running server for all tests of a session."""

import shutil
import socket
from pathlib import Path

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from serving.client import FaceFlowClient
from serving.export.saved_model import export_flow
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import ModelServerConfig, predict_pb2, prediction_service_pb2_grpc
from serving.protocol.tensors import to_proto
from serving.repository.models import Models
from serving.server import Server
from serving.server_options import ServerOptions

#: Small, so that a message over the limit is quickly made.
MESSAGE_LIMIT = 8 * 2**20


def make_network(seed: int = 1) -> keras.Model:
    """Two convolutions with the interface of the flow networks."""
    frames = [keras.Input((None, None, 3), name=name) for name in ("frame1", "frame2")]
    joined = keras.layers.Concatenate()(frames)
    hidden = keras.layers.Conv2D(
        8,
        5,
        padding="same",
        activation="tanh",
        kernel_initializer=keras.initializers.GlorotUniform(seed),
    )(joined)
    flow = keras.layers.Conv2D(
        2, 3, padding="same", name="flow", kernel_initializer=keras.initializers.GlorotUniform(seed + 1)
    )(hidden)
    return keras.Model(dict(zip(("frame1", "frame2"), frames, strict=True)), {"flow": flow})


def random_frames(shape: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    """Two frames, uint8."""
    return list(np.random.default_rng(seed).integers(0, 256, (2, *shape), np.uint8))


class Caller:
    """The official stub, and requests to change for the worse."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    def good_request(self, signature: str = "") -> predict_pb2.PredictRequest:
        frame1, frame2 = random_frames((1, 16, 24, 3))
        if signature == "serving_float32":
            frame1, frame2 = (np.float32(frame) / 255 for frame in (frame1, frame2))
        inputs = {"frame1": to_proto(frame1), "frame2": to_proto(frame2)}
        request = predict_pb2.PredictRequest(inputs=inputs)
        request.model_spec.name = "face_flow"
        request.model_spec.signature_name = signature
        return request

    def refusal(self, request: predict_pb2.PredictRequest) -> tuple[grpc.StatusCode, str]:
        """Send a bad request, then hold the next good one against the shape it must have."""
        with pytest.raises(grpc.RpcError) as caught:
            self.stub.Predict(request, timeout=30)
        self.check_alive()
        return caught.value.code(), caught.value.details()

    def check_alive(self) -> None:
        response = self.stub.Predict(self.good_request(), timeout=30)
        assert [dim.size for dim in response.outputs["flow"].tensor_shape.dim] == [1, 16, 24, 2]

    def close(self) -> None:
        self.channel.close()


@pytest.fixture(scope="session")
def network():
    return make_network()


def save_toy(folder: Path) -> None:
    """A model whose answers can be computed by hand, with a signature of each kind.

    `classify` scores x0, x1 and their sum; `regress` halves x0 and adds two; `serving_default` does that to
    plain numbers, and `echo` returns strings.
    """
    features = {"x": tf.io.FixedLenFeature([2], tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(inputs):
        x = tf.io.parse_example(inputs, features)["x"]
        labels = tf.repeat([["negative", "positive", "surprise"]], tf.shape(x)[0], axis=0)
        return {"classes": labels, "scores": tf.concat([x, tf.reduce_sum(x, 1, keepdims=True)], 1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(inputs):
        return {"outputs": tf.io.parse_example(inputs, features)["x"][:, :1] / 2 + 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def predict(x):
        return {"y": x / 2 + 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def echo(text):
        return {"same": tf.identity(text), "same_bytes": tf.identity(text)}

    signatures = {"serving_default": predict, "classify": classify, "regress": regress, "echo": echo}
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)


@pytest.fixture(scope="session")
def models(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    export_flow(network, folder)
    save_toy(folder / "toy" / "1")
    return folder


@pytest.fixture(scope="session")
def version(models):
    (folder,) = (models / "face_flow").iterdir()
    return folder


@pytest.fixture(scope="session")
def server(models, tmp_path_factory):
    monitoring = tmp_path_factory.mktemp("monitoring") / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    options = ServerOptions(
        max_message_bytes=MESSAGE_LIMIT, rest_api_port=0, monitoring_config_file=monitoring
    )
    with Server(models, port=0, options=options) as running:
        yield running


@pytest.fixture(scope="session")
def caller(server):
    made = Caller(server.address)
    yield made
    made.close()


@pytest.fixture(scope="session")
def client(server):
    with FaceFlowClient(server.address) as made:
        yield made


@pytest.fixture
def frames():
    return random_frames


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def copies(version, tmp_path):
    """A function that puts the exported version under a number."""

    def copy(number: int, model: str = "face_flow") -> Path:
        return shutil.copytree(version, tmp_path / model / str(number))

    return copy


@pytest.fixture
def loaded():
    """A function that loads models, but skips their warm-up, the slow part."""
    return lambda folder, config=None: Models(folder, lambda model, request: None, config)


@pytest.fixture
def model_config():
    """A function that returns the configuration of one model."""

    def config(folder: Path, more: str = "", name: str = "face_flow") -> ModelServerConfig:
        text = f'config {{ name: "{name}" base_path: "{folder / name}" model_platform: "tensorflow" {more} }}'
        return text_format.Parse(f"model_config_list {{ {text} }}", ModelServerConfig())

    return config


@pytest.fixture
def served():
    """A function that returns the versions that are served of a model."""
    return lambda models, name="face_flow": sorted(m.version for m in models if m.name == name)


@pytest.fixture
def refusal():
    """A function that returns code and message with which a call is refused."""

    def refused(call, *args) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(ServingError) as caught:
            call(*args)
        return caught.value.code, caught.value.message

    return refused
