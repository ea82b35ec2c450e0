"""Settings as TensorFlow Serving takes them, from the command line to a running server."""

import grpc
import numpy as np
import pytest

from faceflow.commands.servers.serve import translate_switches
from pipelines.errors import InputError
from serving.client import FaceFlowClient
from serving.protocol.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.protocol.tensors import to_proto
from serving.server import Server
from serving.server_options import ServerOptions
from serving.server_setup import grpc_options, model_config


def test_one_model_on_a_unix_socket(models, tmp_path):
    """`--model_name`, `--model_base_path`, `--grpc_socket_path`, `--grpc_channel_arguments`."""
    options = ServerOptions(
        model_name="half_plus_two",
        model_base_path=models / "toy",
        grpc_socket_path=tmp_path / "serving.sock",
        grpc_channel_arguments="grpc.max_connection_age_ms=2000,grpc.lb_policy_name=grpclb",
        enable_serialization_as_tensor_content=True,
    )
    request = predict_pb2.PredictRequest(inputs={"x": to_proto(np.float32([2]))})
    request.model_spec.name = "half_plus_two"
    with Server(port=0, options=options) as server:
        for address in (f"unix:{options.grpc_socket_path}", server.address):
            with grpc.insecure_channel(address) as channel:
                response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request)
            assert response.outputs["y"].tensor_content == np.float32(3).tobytes()
            assert not response.outputs["y"].float_val


def test_arguments_of_the_channel():
    found = grpc_options(ServerOptions(grpc_channel_arguments="a=1,,b=x,c=-2"))
    assert found[-3:] == [("a", 1), ("b", "x"), ("c", -2)]
    with pytest.raises(InputError, match="--grpc_channel_arguments: 'a' is not of the form NAME=VALUE"):
        grpc_options(ServerOptions(grpc_channel_arguments="a"))


def test_which_models(models, tmp_path):
    assert model_config(ServerOptions(), models) is None
    with pytest.raises(InputError, match="give a folder of models, --model_base_path or --model_config_file"):
        model_config(ServerOptions(), None)
    with pytest.raises(InputError, match="mutually exclusive"):
        model_config(ServerOptions(model_base_path=models), models)
    with pytest.raises(InputError, match="no such folder"):
        model_config(ServerOptions(model_base_path=tmp_path / "absent"), None)


def test_a_configuration_file_may_name_any_folder(models, version, tmp_path):
    """The operator's file is trusted; see test_reload for what comes with a request."""
    file = tmp_path / "models.config"
    config = f'config {{ name: "f" base_path: "{version.parent}" model_platform: "tensorflow" }}'
    file.write_text(f"model_config_list {{ {config} }}")
    with (
        Server(port=0, options=ServerOptions(model_config_file=file)) as server,
        FaceFlowClient(server.address, model="f") as client,
    ):
        assert client.flow(*np.zeros((2, 8, 8, 3), np.uint8)).shape == (8, 8, 2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--enable_batching=true"], ["--enable_batching"]),
        (["--enable_batching=False"], ["--no-enable_batching"]),
        (["--rest_api_enable_cors_support=1"], ["--rest_api_enable_cors_support"]),
        (["--model_name=true", "--port=1", "x"], ["--model_name=true", "--port=1", "x"]),
    ],
)
def test_switches_with_a_value(given, expected):
    assert translate_switches(given) == expected


@pytest.mark.parametrize(("name", "value"), [("max_elements", 0), ("rest_api_idle_timeout_seconds", 0.0)])
def test_ranges(name, value):
    with pytest.raises(InputError, match=f"{name} must be "):
        ServerOptions(**{name: value})
