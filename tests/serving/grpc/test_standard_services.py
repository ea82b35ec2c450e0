"""Health and reflection, asked as grpcurl and Kubernetes ask."""

import threading

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.client import FaceFlowClient
from serving.server import Server
from serving.server_options import ServerOptions

SERVICES = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "tensorflow.serving.ModelService",
    "tensorflow.serving.PredictionService",
}


def reflect(caller, **asked):
    stub = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
    (answer,) = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**asked)]))
    return answer


def test_services_are_listed(caller):
    listed = reflect(caller, list_services="").list_services_response.service
    assert {service.name for service in listed} == SERVICES


@pytest.mark.parametrize(
    ("symbol", "methods"),
    [
        (
            "tensorflow.serving.PredictionService",
            ["Classify", "Regress", "Predict", "MultiInference", "GetModelMetadata"],
        ),
        ("tensorflow.serving.ModelService", ["GetModelStatus", "HandleReloadConfigRequest"]),
    ],
)
def test_services_are_described(caller, symbol, methods):
    """With all files they depend on, so that a client can build their messages from nothing."""
    answer = reflect(caller, file_containing_symbol=symbol)
    pending, files = list(answer.file_descriptor_response.file_descriptor_proto), {}
    assert pending, answer.error_response
    while pending:
        file = descriptor_pb2.FileDescriptorProto.FromString(pending.pop())
        files[file.name] = file
        for name in file.dependency:
            if name not in files:
                found = reflect(caller, file_by_filename=name).file_descriptor_response
                assert found.file_descriptor_proto, name
                pending.extend(found.file_descriptor_proto)
    (service,) = [s for f in files.values() for s in f.service if f"{f.package}.{s.name}" == symbol]
    assert sorted(method.name for method in service.method) == sorted(methods)


def test_open_streams_of_reflection_hold_up_nothing(models, frames):
    """Not the other calls, whose threads they would use up, nor the end of the server."""
    ended = threading.Event()

    def one_request():
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        ended.wait(60)

    options = ServerOptions(grpc_max_threads=2)
    with Server(models, port=0, options=options) as server, grpc.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        streams = [stub.ServerReflectionInfo(one_request()) for _ in range(16)]
        for stream in streams:
            assert next(stream).list_services_response.service
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.ServerReflectionInfo(one_request()))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        with FaceFlowClient(server.address, timeout=30, retries=0) as client:
            assert client.flow(*frames((8, 8, 3))).shape == (8, 8, 2)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        stopping.join(server.options.shutdown_grace_seconds / 2)
        assert not stopping.is_alive()
        ended.set()


@pytest.mark.parametrize("service", ["", "tensorflow.serving.PredictionService", "ModelService"])
def test_health(caller, service):
    stub = health_pb2_grpc.HealthStub(caller.channel)
    request = health_pb2.HealthCheckRequest(service=service)
    assert stub.Check(request).status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_what_is_not_there(caller):
    with pytest.raises(grpc.RpcError) as caught:
        health_pb2_grpc.HealthStub(caller.channel).Check(health_pb2.HealthCheckRequest(service="x"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_server_that_stops_says_so_and_does_not_wait_for_those_who_watch(models):
    """They are told, and their streams end well; otherwise it would wait for all of its ten seconds."""
    with Server(models, port=0) as server, grpc.insecure_channel(server.address) as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert next(watching).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert list(watching) == []
        assert watching.code() is grpc.StatusCode.OK
        stopping.join(server.options.shutdown_grace_seconds / 2)
        assert not stopping.is_alive()
