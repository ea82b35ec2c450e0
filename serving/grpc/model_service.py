"""`tensorflow.serving.ModelService`: what is loaded, and what is to be."""

import grpc

from serving.protocol.serving_error import Refusal, invalid_argument
from serving.protocol.stubs import get_model_status_pb2, model_management_pb2, model_service_pb2_grpc
from serving.repository.models import Models, VersionState
from serving.runtime.request_context import Answering


def model_status(
    models: Models, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """Tell where the versions of a model stand: all of them, the latest first, or the one that is asked for.

    Raises:
        Refusal: INVALID_ARGUMENT without a model, NOT_FOUND for one never heard of; in TensorFlow Serving's
            words (model_servers/get_model_status_impl.cc).
    """
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    spec = request.model_spec
    states = models.states(spec.name)
    if spec.WhichOneof("version_choice") == "version":
        version = spec.version.value
        if version not in states:
            raise _not_found(f"Could not find version {version} of model {spec.name}")
        states = {version: states[version]}
    if not states:
        raise _not_found(f"Could not find any versions of model {spec.name}")
    response = get_model_status_pb2.GetModelStatusResponse()
    for version, state in states.items():
        _add_status(response, version, state)
    return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Answers GetModelStatus and HandleReloadConfigRequest.

    Args:
        models: that are served.
        answering: how answers and refusals are given.
    """

    def __init__(self, models: Models, answering: Answering) -> None:
        self._models = models
        self._answering = answering

    def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Tell where the versions of a model stand."""
        with self._answering(context, "GetModelStatus", request.model_spec):
            return model_status(self._models, request)

    def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Serve other models; returns when the new ones answer."""
        with self._answering(context, "HandleReloadConfigRequest"):
            self._models.reload(request.config)
            response = model_management_pb2.ReloadConfigResponse()
            response.status.error_code = 0
            return response


def _add_status(
    response: get_model_status_pb2.GetModelStatusResponse, version: int, state: VersionState
) -> None:
    status = response.model_version_status.add(version=version, state=state.state)
    status.status.error_code = state.code.value[0]
    status.status.error_message = state.message


def _not_found(message: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, message)
