"""`tensorflow.serving.PredictionService` over gRPC."""

import grpc

from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from serving.runtime.data_plane import DataPlane
from serving.runtime.execution import Deadline


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers Predict, Classify, Regress, MultiInference and GetModelMetadata.

    Args:
        data_plane: Data plane that computes the responses.
    """

    def __init__(self, data_plane: DataPlane) -> None:
        self._data_plane = data_plane

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Run a signature of a model on tensors."""
        return self._data_plane.predict(request, _deadline(context))

    def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        """Run a classification signature on examples."""
        return self._data_plane.classify(request, _deadline(context))

    def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        """Run a regression signature on examples."""
        return self._data_plane.regress(request, _deadline(context))

    def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        """Run several signatures on the same examples."""
        return self._data_plane.multi_inference(request, _deadline(context))

    def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Return names, types and shapes of a model's inputs and outputs."""
        return self._data_plane.metadata(request)


def _deadline(context: grpc.ServicerContext) -> Deadline:
    return Deadline(remaining=context.time_remaining, is_active=context.is_active)
