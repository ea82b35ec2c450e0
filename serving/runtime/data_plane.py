"""What can be asked of the models, whatever the way the question comes: gRPC and REST both end here."""

import time
from collections.abc import Sequence

import numpy as np

from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)
from serving.repository.model import Model
from serving.repository.models import Models
from serving.runtime.checks import MAX_ELEMENTS
from serving.runtime.examples import classify, example_count, multi_inference, regress
from serving.runtime.execution import Execution, Waiting
from serving.runtime.metrics import Metrics
from serving.runtime.predict import Run, predict

_SIGNATURE_DEF = "signature_def"


class Inference:
    """Answers requests from the loaded models.

    All methods raise `Refusal`, with TensorFlow Serving's codes and words.

    Args:
        models: the models to answer from.
        execution: where TensorFlow runs.
        metrics: where times are noted.
        max_elements: the most elements that one input may have.
    """

    def __init__(
        self, models: Models, execution: Execution, metrics: Metrics, max_elements: int = MAX_ELEMENTS
    ) -> None:
        self.models = models
        self._execution = execution
        self._metrics = metrics
        self._max_elements = max_elements

    def predict(self, request: predict_pb2.PredictRequest, waiting: Waiting) -> predict_pb2.PredictResponse:
        """Run a signature of a model on tensors."""
        model = self._find(request)
        run = self._runner(model, "Predict", waiting)
        return predict(model, request, run, self._max_elements)

    def classify(
        self, request: classification_pb2.ClassificationRequest, waiting: Waiting
    ) -> classification_pb2.ClassificationResponse:
        """Run a signature on examples, for classes."""
        model = self._find(request)
        self._metrics.examples(model.name, example_count(request.input))
        return classify(model, request, self._runner(model, "Classify", waiting))

    def regress(
        self, request: regression_pb2.RegressionRequest, waiting: Waiting
    ) -> regression_pb2.RegressionResponse:
        """Run a signature on examples, for values."""
        model = self._find(request)
        self._metrics.examples(model.name, example_count(request.input))
        return regress(model, request, self._runner(model, "Regress", waiting))

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, waiting: Waiting
    ) -> inference_pb2.MultiInferenceResponse:
        """Run several signatures on the same examples."""
        if not request.tasks:
            raise invalid_argument("ModelSpec has no name specified.")
        model = self.models.find(request.tasks[0].model_spec)
        self._metrics.examples(model.name, example_count(request.input))
        return multi_inference(model, request, self._runner(model, "MultiInference", waiting))

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tell the names, types and shapes of a model's inputs and outputs."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != _SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        model = self._find(request)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = model.name
        response.model_spec.version.value = model.version
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signatures)
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response

    def _find(self, request) -> Model:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return self.models.find(request.model_spec)

    def _runner(self, model: Model, api: str, waiting: Waiting) -> Run:
        def run(
            signature: str, inputs: dict[str, np.ndarray], outputs: Sequence[str]
        ) -> dict[str, np.ndarray]:
            start = time.perf_counter()
            results = self._execution.run(model, signature, inputs, outputs, waiting)
            self._metrics.runtime(model.name, api, time.perf_counter() - start)
            return results

        return run
