"""`tensorflow.serving.PredictionService` over gRPC."""

import grpc

from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)
from serving.runtime.data_plane import Inference
from serving.runtime.execution import Waiting
from serving.runtime.request_context import Answering


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers Predict, Classify, Regress, MultiInference and GetModelMetadata.

    Args:
        inference: gives the answers.
        answering: how answers and refusals are given.
    """

    def __init__(self, inference: Inference, answering: Answering) -> None:
        self._inference = inference
        self._answering = answering

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Run a signature of a model on tensors."""
        with self._answering(context, "Predict", request.model_spec):
            return self._inference.predict(request, _waiting(context))

    def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        """Run a signature on examples, for classes."""
        with self._answering(context, "Classify", request.model_spec):
            return self._inference.classify(request, _waiting(context))

    def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        """Run a signature on examples, for values."""
        with self._answering(context, "Regress", request.model_spec):
            return self._inference.regress(request, _waiting(context))

    def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        """Run several signatures on the same examples."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        with self._answering(context, "MultiInference", spec):
            return self._inference.multi_inference(request, _waiting(context))

    def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tell the names, types and shapes of a model's inputs and outputs."""
        with self._answering(context, "GetModelMetadata", request.model_spec):
            return self._inference.metadata(request)


def _waiting(context: grpc.ServicerContext) -> Waiting:
    return Waiting(remaining=context.time_remaining, there=context.is_active)
