"""Predict: answers a request with a given model."""

from collections.abc import Callable, Sequence

import numpy as np

from serving.protocol.stubs import predict_pb2
from serving.protocol.tensors import write
from serving.repository.model import Model
from serving.runtime.checks import MAX_ELEMENTS, check_predict

#: Signature of a request that names none.
DEFAULT_SIGNATURE = "serving_default"

#: Function that runs a signature, given its name, its inputs and the names of the requested outputs.
Run = Callable[[str, dict[str, np.ndarray], Sequence[str]], dict[str, np.ndarray]]


def predict(
    model: Model,
    request: predict_pb2.PredictRequest,
    run: Run,
    max_elements: int = MAX_ELEMENTS,
    as_tensor_content: bool = False,
) -> predict_pb2.PredictResponse:
    """Answer a Predict request.

    Args:
        model: Model that the request asks for.
        request: Untrusted request of a client.
        run: Function that runs a signature of the model.
        max_elements: Largest number of elements of one input.
        as_tensor_content: Write outputs as `tensor_content`; otherwise to the typed field (`float_val`, ...).

    Returns:
        Response with the outputs, and the model, version and signature that were used.

    Raises:
        ServingError: If the request does not fit the signature, or TensorFlow fails.
    """
    name, results = predict_arrays(model, request, run, max_elements)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.model_spec.signature_name = name
    for output, array in results.items():
        write(array, response.outputs[output], as_tensor_content)
    return response


def predict_arrays(
    model: Model, request: predict_pb2.PredictRequest, run: Run, max_elements: int = MAX_ELEMENTS
) -> tuple[str, dict[str, np.ndarray]]:
    """Return the used signature, and the outputs by name. Arguments and errors are those of `predict`."""
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = model.signature(name)
    inputs, outputs = check_predict(signature, request, max_elements, model.input_checks(name))
    return name, run(name, inputs, outputs)
