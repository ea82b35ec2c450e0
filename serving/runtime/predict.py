"""From a Predict request to its response, given the model."""

from collections.abc import Callable, Sequence

import numpy as np

from serving.protocol.stubs import predict_pb2
from serving.protocol.tensors import write
from serving.repository.model import Model
from serving.runtime.checks import MAX_ELEMENTS, check_predict
from serving.runtime.image_headers import ENCODED_SIGNATURE, check_pictures

#: The signature that is meant when a request names none.
DEFAULT_SIGNATURE = "serving_default"

#: Runs a signature: its name, its inputs, the outputs that are wanted.
Run = Callable[[str, dict[str, np.ndarray], Sequence[str]], dict[str, np.ndarray]]


def predict(
    model: Model, request: predict_pb2.PredictRequest, run: Run, max_elements: int = MAX_ELEMENTS
) -> predict_pb2.PredictResponse:
    """Answer a request.

    Args:
        model: the one that the request asks for.
        request: not trusted in anything.
        run: runs a signature of the model.
        max_elements: the most elements that one input may have.

    Returns:
        The outputs as `tensor_content`, and the model, version and signature that were used.

    Raises:
        Refusal: if the request does not fit the signature, or TensorFlow fails.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    inputs, outputs = check_predict(model.signature(name), request, max_elements)
    if name == ENCODED_SIGNATURE:
        check_pictures(inputs, max_elements)
    results = run(name, inputs, outputs)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.model_spec.signature_name = name
    for output, array in results.items():
        write(array, response.outputs[output])
    return response
