"""ModelService over a socket, with the official stub."""

import grpc
import pytest

from serving.protocol.stubs import get_model_status_pb2, model_management_pb2, model_service_pb2_grpc

NOT_FOUND = grpc.StatusCode.NOT_FOUND
State = get_model_status_pb2.ModelVersionStatus


@pytest.fixture
def stub(caller):
    return model_service_pb2_grpc.ModelServiceStub(caller.channel)


def status_request(name="face_flow", version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return request


def test_status(stub, version):
    number = int(version.name)
    for request in (status_request(), status_request(version=number)):
        (status,) = stub.GetModelStatus(request).model_version_status
        assert (status.version, status.state) == (number, State.AVAILABLE)
        assert (status.status.error_code, status.status.error_message) == (0, "")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            get_model_status_pb2.GetModelStatusRequest(),
            grpc.StatusCode.INVALID_ARGUMENT,
            "Missing ModelSpec",
        ),
        (status_request("m"), NOT_FOUND, "Could not find any versions of model m"),
        (status_request(version=7), NOT_FOUND, "Could not find version 7 of model face_flow"),
        (status_request("m", 7), NOT_FOUND, "Could not find version 7 of model m"),
    ],
)
def test_status_refused(stub, request_, code, message):
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetModelStatus(request_)
    assert (caught.value.code(), caught.value.details()) == (code, message)


def test_reload_out_of_the_base_is_refused_and_serving_goes_on(stub, caller):
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.config.add(name="m", base_path="/etc", model_platform="tensorflow")
    with pytest.raises(grpc.RpcError) as caught:
        stub.HandleReloadConfigRequest(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "outside of the folder" in caught.value.details()
    caller.check_alive()


def test_reload_of_what_is_served(stub, caller, models, version):
    request = model_management_pb2.ReloadConfigRequest()
    for name in ("face_flow", "toy"):
        request.config.model_config_list.config.add(
            name=name, base_path=str(models / name), model_platform="tensorflow"
        )
    assert stub.HandleReloadConfigRequest(request).status.error_code == 0
    caller.check_alive()
