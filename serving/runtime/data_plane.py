"""The data plane: all requests that the models can answer, shared by gRPC and REST."""

import time
from collections.abc import Sequence

import grpc
import numpy as np

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)
from serving.repository.model import Model
from serving.repository.models import Models
from serving.runtime.checks import MAX_ELEMENTS
from serving.runtime.examples import classify, example_count, multi_inference, regress
from serving.runtime.execution import Deadline, Execution
from serving.runtime.metrics import Metrics
from serving.runtime.predict import Run, predict, predict_arrays

_SIGNATURE_DEF = "signature_def"


class DataPlane:
    """Answers requests from the loaded models.

    All methods raise `ServingError`, with the codes and messages of TensorFlow Serving.

    Args:
        models: Served models.
        execution: Execution of signatures by TensorFlow.
        metrics: Metrics that record the times.
        max_elements: Largest number of elements of one input.
        as_tensor_content: Write the outputs of Predict as `tensor_content`, and not to their typed field.
    """

    def __init__(
        self,
        models: Models,
        execution: Execution,
        metrics: Metrics,
        max_elements: int = MAX_ELEMENTS,
        as_tensor_content: bool = False,
    ) -> None:
        self.models = models
        self._execution = execution
        self._metrics = metrics
        self._max_elements = max_elements
        self._as_tensor_content = as_tensor_content

    def predict(self, request: predict_pb2.PredictRequest, deadline: Deadline) -> predict_pb2.PredictResponse:
        """Run a signature of a model on tensors."""
        model = self._find(request)
        run = self._runner(model, "Predict", deadline)
        return predict(model, request, run, self._max_elements, self._as_tensor_content)

    def predict_arrays(
        self, model: Model, request: predict_pb2.PredictRequest, deadline: Deadline
    ) -> dict[str, np.ndarray]:
        """Run a signature of a model that was found for a request, and return its outputs as arrays."""
        return predict_arrays(model, request, self._runner(model, "Predict", deadline), self._max_elements)[1]

    def classify(
        self, request: classification_pb2.ClassificationRequest, deadline: Deadline
    ) -> classification_pb2.ClassificationResponse:
        """Run a classification signature on examples."""
        model = self._find(request)
        self._metrics.examples(model.name, example_count(request.input))
        return classify(model, request, self._runner(model, "Classify", deadline))

    def regress(
        self, request: regression_pb2.RegressionRequest, deadline: Deadline
    ) -> regression_pb2.RegressionResponse:
        """Run a regression signature on examples."""
        model = self._find(request)
        self._metrics.examples(model.name, example_count(request.input))
        return regress(model, request, self._runner(model, "Regress", deadline))

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, deadline: Deadline
    ) -> inference_pb2.MultiInferenceResponse:
        """Run several signatures on the same examples."""
        if not request.tasks:
            raise invalid_argument("ModelSpec has no name specified.")
        model = self.models.find(request.tasks[0].model_spec)
        self._metrics.examples(model.name, example_count(request.input))
        return multi_inference(model, request, self._runner(model, "MultiInference", deadline))

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Return names, dtypes and shapes of a model's inputs and outputs."""
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
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.all_signatures)
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response

    def _find(self, request) -> Model:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return self.models.find(request.model_spec)

    def _runner(self, model: Model, api: str, deadline: Deadline) -> Run:
        def run(
            signature: str, inputs: dict[str, np.ndarray], outputs: Sequence[str]
        ) -> dict[str, np.ndarray]:
            start = time.perf_counter()
            results = self._execution.run(model, signature, inputs, outputs, deadline)
            self._metrics.runtime(model.name, api, time.perf_counter() - start)
            return results

        return run


def warm_up(
    execution: Execution,
    model: Model,
    log: prediction_log_pb2.PredictionLog,
    max_elements: int = MAX_ELEMENTS,
) -> None:
    """Answer a warm-up request of a model that is being loaded.

    The kinds of request, and the error for all others, are TensorFlow Serving's
    (servables/tensorflow/saved_model_warmup.cc).

    Args:
        execution: Execution of signatures by TensorFlow.
        model: Model that is being loaded.
        log: Request of one of the APIs.
        max_elements: Largest number of elements of one input.

    Raises:
        ServingError: As for the API of the request; UNIMPLEMENTED for a streamed or session request.
    """

    def run(signature: str, inputs: dict[str, np.ndarray], outputs: Sequence[str]) -> dict[str, np.ndarray]:
        return execution.run(model, signature, inputs, outputs, Deadline(), limited=False)

    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        predict_arrays(model, log.predict_log.request, run, max_elements)
    elif kind == "classify_log":
        classify(model, log.classify_log.request, run)
    elif kind == "regress_log":
        regress(model, log.regress_log.request, run)
    elif kind == "multi_inference_log":
        multi_inference(model, log.multi_inference_log.request, run, check_model=False)
    elif kind is not None:
        number = log.DESCRIPTOR.fields_by_name[kind].number
        message = f"Unsupported log_type for warmup: {number}"
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, message)
