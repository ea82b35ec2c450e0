"""Classify, Regress and MultiInference: from serialised `tf.Example`s to classes and values.

The checks, their order and their wording are TensorFlow Serving's (servables/tensorflow/classifier.cc,
regressor.cc, multi_inference.cc). Like the official server, this one ignores the method name of a signature,
because TensorFlow 2 exports every signature as one for Predict. Only its inputs and outputs count.
"""

from collections.abc import Callable

import grpc
import numpy as np

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    meta_graph_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)
from serving.protocol.tensors import format_shape, write
from serving.repository.model import Model
from serving.runtime.checks import MAX_ELEMENTS, check_predict
from serving.runtime.predict import DEFAULT_SIGNATURE, Run

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

_INPUTS, _CLASSES, _SCORES, _OUTPUTS = "inputs", "classes", "scores", "outputs"


def classify(
    model: Model, request: classification_pb2.ClassificationRequest, run: Run
) -> classification_pb2.ClassificationResponse:
    """Answer a Classify request.

    Args:
        model: Model that the request asks for.
        request: Untrusted request of a client.
        run: Function that runs a signature of the model.

    Raises:
        ServingError: If the signature is not one for classification, the examples do not fit it, or
            TensorFlow fails.
    """
    name, results, rows = _run_one(model, request, _classification_outputs, run)
    response = classification_pb2.ClassificationResponse(model_spec=_spec(model, name))
    response.result.CopyFrom(_classifications(results, rows))
    return response


def regress(
    model: Model, request: regression_pb2.RegressionRequest, run: Run
) -> regression_pb2.RegressionResponse:
    """Answer a Regress request. Arguments and errors are those of `classify`."""
    name, results, rows = _run_one(model, request, _regression_outputs, run)
    response = regression_pb2.RegressionResponse(model_spec=_spec(model, name))
    response.result.CopyFrom(_regressions(results, rows))
    return response


def multi_inference(
    model: Model, request: inference_pb2.MultiInferenceRequest, run: Run, check_model: bool = True
) -> inference_pb2.MultiInferenceResponse:
    """Answer a MultiInference request. Arguments and errors are those of `classify`.

    With `check_model`, the model names of all tasks must be that of the model.
    """
    tasks: dict[str, tuple[str, meta_graph_pb2.SignatureDef, list[str]]] = {}
    for task in request.tasks:
        if check_model and not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if check_model and task.model_spec.name != model.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in tasks:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        signature = _signature(model, name, "Requested signature not found in model graph: ")
        if task.method_name == CLASSIFY:
            wanted = _classification_outputs(signature)
        elif task.method_name == REGRESS:
            wanted = _regression_outputs(signature)
        else:
            message = f"Unsupported signature method_name: {task.method_name}"
            raise ServingError(grpc.StatusCode.UNIMPLEMENTED, message)
        tasks[name] = task.method_name, signature, wanted
    response = inference_pb2.MultiInferenceResponse()
    for name, (method, signature, wanted) in tasks.items():
        results, rows = _run(signature, name, request.input, wanted, run)
        result = response.results.add(model_spec=_spec(model, name))
        if method == CLASSIFY:
            result.classification_result.CopyFrom(_classifications(results, rows))
        else:
            result.regression_result.CopyFrom(_regressions(results, rows))
    return response


def example_count(given: input_pb2.Input) -> int:
    """Return the number of examples in a request."""
    kind = given.WhichOneof("kind")
    return len(getattr(given, kind).examples) if kind else 0


def _signature(model: Model, name: str, absent: str) -> meta_graph_pb2.SignatureDef:
    if name not in model.signatures:
        raise invalid_argument(f"{absent}{name}")
    return model.signature(name)


def _classification_outputs(signature: meta_graph_pb2.SignatureDef) -> list[str]:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if _INPUTS not in signature.inputs:
        raise invalid_argument(f"No classification inputs found in SignatureDef: {signature}")
    wanted = [name for name in (_CLASSES, _SCORES) if name in signature.outputs]
    if not wanted:
        raise invalid_argument(
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {signature}'
        )
    return wanted


def _regression_outputs(signature: meta_graph_pb2.SignatureDef) -> list[str]:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if _INPUTS not in signature.inputs:
        raise invalid_argument(f"No regression inputs found in SignatureDef: {signature}")
    if _OUTPUTS not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")
    return [_OUTPUTS]


def _run_one(
    model: Model,
    request: classification_pb2.ClassificationRequest | regression_pb2.RegressionRequest,
    wanted: Callable[[meta_graph_pb2.SignatureDef], list[str]],
    run: Run,
) -> tuple[str, dict[str, np.ndarray], int]:
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = _signature(model, name, "No signature was found with the name: ")
    return name, *_run(signature, name, request.input, wanted(signature), run)


def _run(
    signature: meta_graph_pb2.SignatureDef, name: str, given: input_pb2.Input, wanted: list[str], run: Run
) -> tuple[dict[str, np.ndarray], int]:
    examples = _serialized(given)
    # Checked like an input of Predict: a signature that does not take strings fails here.
    request = predict_pb2.PredictRequest()
    write(examples, request.inputs[_INPUTS])
    inputs, _ = check_predict(signature, request, MAX_ELEMENTS)
    return run(name, inputs, wanted), len(examples)


def _serialized(given: input_pb2.Input) -> np.ndarray:
    if not example_count(given):
        raise invalid_argument("Input is empty.")
    kind = given.WhichOneof("kind")
    examples = [example.SerializeToString() for example in getattr(given, kind).examples]
    if kind == "example_list_with_context":
        # Protobuf merges messages that are written one after the other.
        context = given.example_list_with_context.context.SerializeToString()
        examples = [context + example for example in examples]
    return np.array(examples, object)


def _classifications(results: dict[str, np.ndarray], rows: int) -> classification_pb2.ClassificationResult:
    classes, scores = results.get(_CLASSES), results.get(_SCORES)
    for array, what, kind, dtype in (
        (classes, "classes", "DT_STRING", object),
        (scores, "scores", "DT_FLOAT", np.float32),
    ):
        if array is None:
            continue
        if array.ndim != 2:
            raise invalid_argument(
                f"Expected Tensor shape: [batch_size num_classes] but got {format_shape(array.shape)}"
            )
        if array.dtype != dtype:
            raise invalid_argument(f"Expected {what} Tensor of {kind}. Got: {array.dtype}")
        if len(array) != rows:
            raise invalid_argument(f"Expected {what} output batch size of {rows}. Got: {len(array)}")
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). "
            f"Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    result = classification_pb2.ClassificationResult()
    for row in range(rows):
        found = result.classifications.add().classes
        for column in range((scores if classes is None else classes).shape[1]):
            one = found.add()
            if classes is not None:
                one.label = _label(classes[row, column])
            if scores is not None:
                one.score = scores[row, column]
    return result


def _label(label: bytes) -> str:
    try:
        return label.decode()
    except UnicodeDecodeError as error:  # the response can only hold text
        raise invalid_argument("A class label of the model is not UTF-8.") from error


def _regressions(results: dict[str, np.ndarray], rows: int) -> regression_pb2.RegressionResult:
    values = results[_OUTPUTS]
    if not (values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {format_shape(values.shape)}"
        )
    if len(values) != rows:
        raise invalid_argument(f"Input batch size did not match output batch size: {rows} vs. {len(values)}")
    if values.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {values.dtype}")
    result = regression_pb2.RegressionResult()
    for value in values.ravel().tolist():
        result.regressions.add(value=value)
    return result


def _spec(model: Model, signature: str) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=model.name, signature_name=signature)
    spec.version.value = model.version
    return spec
