"""`tensorflow.serving.PredictionService` over the loaded models."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from serving.models import Models
from serving.predict import MAX_ELEMENTS, predict
from serving.refusal import Refusal, invalid_argument
from serving.stubs import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

_log = logging.getLogger(__name__)

_SIGNATURE_DEF = "signature_def"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers Predict and GetModelMetadata.

    Args:
        models: the models to answer from.
        slots: how many requests run in TensorFlow at the same time. TensorFlow spreads one request over the
            cores by itself; on two cores, two at a time were slower than one after the other.
        max_elements: the most elements that one input may have.
    """

    def __init__(self, models: Models, slots: int = 1, max_elements: int = MAX_ELEMENTS) -> None:
        self._models = models
        self._slots = threading.BoundedSemaphore(slots)
        self._max_elements = max_elements

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Run a signature of a model."""
        with _refusals_as_status(context):
            if not request.HasField("model_spec"):
                raise invalid_argument("Missing ModelSpec")
            model = self._models.find(request.model_spec)
            return predict(model, request, self._max_elements, self._turn(context))

    def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tell the names, types and shapes of a model's inputs and outputs."""
        with _refusals_as_status(context):
            if not request.HasField("model_spec"):
                raise invalid_argument("Missing ModelSpec")
            if not request.metadata_field:
                raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
            for field in request.metadata_field:
                if field != _SIGNATURE_DEF:
                    raise invalid_argument(f"Metadata field {field} is not supported")
            model = self._models.find(request.model_spec)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = model.name
            response.model_spec.version.value = model.version
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signatures)
            response.metadata[_SIGNATURE_DEF].Pack(signatures)
            return response

    def Classify(self, request, context):
        """Refuse: not offered yet."""
        _unimplemented(context, "Classify")

    def Regress(self, request, context):
        """Refuse: not offered yet."""
        _unimplemented(context, "Regress")

    def MultiInference(self, request, context):
        """Refuse: not offered yet."""
        _unimplemented(context, "MultiInference")

    @contextmanager
    def _turn(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Wait for a slot, but not longer than the client waits for the answer."""
        if not self._slots.acquire(timeout=min(context.time_remaining(), threading.TIMEOUT_MAX)):
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded while waiting for a slot.")
        try:
            if not context.is_active():
                raise Refusal(grpc.StatusCode.CANCELLED, "The client has gone.")
            yield
        finally:
            self._slots.release()


@contextmanager
def _refusals_as_status(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        context.abort(refusal.code, refusal.message)
    except MemoryError:
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Out of memory.")
    except Exception:
        # A fault of ours: the details go into our log, not to whoever is on the other side.
        _log.exception("internal error")
        context.abort(grpc.StatusCode.INTERNAL, "Internal error; the server's log has the details.")


def _unimplemented(context: grpc.ServicerContext, method: str) -> None:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not offered by this server.")
