"""GetModelStatus: the state of each version of a model."""

import grpc

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import get_model_status_pb2
from serving.repository.models import Models, VersionState


def model_status(
    models: Models, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """Return the state of all versions of a model, the latest first, or of the requested version.

    Raises:
        ServingError: INVALID_ARGUMENT if no model is named, NOT_FOUND if it is unknown. The messages are
            TensorFlow Serving's (model_servers/get_model_status_impl.cc).
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


def _add_status(
    response: get_model_status_pb2.GetModelStatusResponse, version: int, state: VersionState
) -> None:
    status = response.model_version_status.add(version=version, state=state.state)
    status.status.error_code = state.code.value[0]
    status.status.error_message = state.message


def _not_found(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.NOT_FOUND, message)
