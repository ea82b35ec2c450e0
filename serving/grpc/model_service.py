"""`tensorflow.serving.ModelService` over gRPC."""

import grpc

from serving.protocol.stubs import get_model_status_pb2, model_management_pb2, model_service_pb2_grpc
from serving.repository.models import Models
from serving.runtime.model_status import model_status


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Answers GetModelStatus and HandleReloadConfigRequest.

    Args:
        models: Served models.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Return the state of the versions of a model."""
        return model_status(self._models, request)

    def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Replace the configuration of the served models; return when the new models are available."""
        self._models.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response
