"""The services that every gRPC server has: health, and reflection for tools like grpcurl."""

from collections.abc import Callable
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

PREDICTION = "tensorflow.serving.PredictionService"
MODELS = "tensorflow.serving.ModelService"

# Service -> its .proto file, and its methods with what they take and give.
_SERVICES = {
    "PredictionService": (
        "prediction_service",
        (
            ("Classify", classification_pb2.ClassificationRequest, classification_pb2.ClassificationResponse),
            ("Regress", regression_pb2.RegressionRequest, regression_pb2.RegressionResponse),
            ("Predict", predict_pb2.PredictRequest, predict_pb2.PredictResponse),
            ("MultiInference", inference_pb2.MultiInferenceRequest, inference_pb2.MultiInferenceResponse),
            (
                "GetModelMetadata",
                get_model_metadata_pb2.GetModelMetadataRequest,
                get_model_metadata_pb2.GetModelMetadataResponse,
            ),
        ),
    ),
    "ModelService": (
        "model_service",
        (
            (
                "GetModelStatus",
                get_model_status_pb2.GetModelStatusRequest,
                get_model_status_pb2.GetModelStatusResponse,
            ),
            (
                "HandleReloadConfigRequest",
                model_management_pb2.ReloadConfigRequest,
                model_management_pb2.ReloadConfigResponse,
            ),
        ),
    ),
}

# Serving's own names in its health service are without the package.
_HEALTH_NAMES = ("", PREDICTION, MODELS, "PredictionService", "ModelService")


class Health(health.HealthServicer):
    """Health that does not keep a server from stopping: who watches it is told, and let go."""

    def __init__(self) -> None:
        super().__init__()
        self._watching: set[Callable] = set()
        self._ended = False

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable,
    ) -> None:
        """Tell now and at each change whether a service is up, until the server stops."""
        self._watching.add(send_response_callback)
        context.add_callback(lambda: self._watching.discard(send_response_callback))
        super().Watch(request, context, send_response_callback)
        if self._ended:
            send_response_callback(None)

    def enter_graceful_shutdown(self) -> None:
        """Say NOT_SERVING for good, and end all streams."""
        super().enter_graceful_shutdown()
        self._ended = True
        for send in list(self._watching):
            send(None)


def add_health(server: grpc.Server) -> Health:
    """Add `grpc.health.v1.Health`, which says SERVING until `enter_graceful_shutdown` is called.

    It has a thread of its own: a server that is busy to the last thread is not ill.
    """
    servicer = Health()
    for name in _HEALTH_NAMES:
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    servicer.Check = _in_pool(servicer.Check, futures.ThreadPoolExecutor(1, thread_name_prefix="health"))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


def add_reflection(server: grpc.Server) -> None:
    """Add `grpc.reflection.v1alpha.ServerReflection`."""
    _declare_services()
    names = (PREDICTION, MODELS, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)


def _in_pool(method: Callable, pool: futures.ThreadPoolExecutor) -> Callable:
    def behavior(request: object, context: grpc.ServicerContext) -> object:
        return method(request, context)

    behavior.experimental_thread_pool = pool
    return behavior


def _declare_services() -> None:
    """Declare the services as their .proto files do; the generated modules fail with today's protobuf."""
    for name, (source, methods) in _SERVICES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=f"tensorflow_serving/apis/{source}.proto", package="tensorflow.serving", syntax="proto3"
        )
        service = file.service.add(name=name)
        for method, request, response in methods:
            service.method.add(
                name=method,
                input_type="." + request.DESCRIPTOR.full_name,
                output_type="." + response.DESCRIPTOR.full_name,
            )
            # Request and response are in one file.
            file.dependency.append(request.DESCRIPTOR.file.name)
        descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
