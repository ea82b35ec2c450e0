"""From a Predict request to its response, given the model."""

from contextlib import AbstractContextManager, nullcontext

from serving.checks import check_predict
from serving.model import Model
from serving.stubs import predict_pb2
from serving.tensors import write

#: The signature that is meant when a request names none.
DEFAULT_SIGNATURE = "serving_default"

#: Most elements of one input: a 3840x2160 frame in colour has 25 million. A FlowNetS needs some 300 bytes for
#: each pixel of the two frames.
MAX_ELEMENTS = 2**25


def predict(
    model: Model,
    request: predict_pb2.PredictRequest,
    max_elements: int = MAX_ELEMENTS,
    turn: AbstractContextManager | None = None,
) -> predict_pb2.PredictResponse:
    """Answer a request.

    Args:
        model: the one that the request asks for.
        request: not trusted in anything.
        max_elements: the most elements that one input may have.
        turn: held while TensorFlow runs, and not while the request is read and checked.

    Returns:
        The outputs as `tensor_content`, and the model, version and signature that were used.

    Raises:
        Refusal: if the request does not fit the signature, or TensorFlow fails.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    inputs, outputs = check_predict(model.signature(name), request, max_elements)
    with turn or nullcontext():
        results = model.run(name, inputs, outputs)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.model_spec.signature_name = name
    for output, array in results.items():
        write(array, response.outputs[output])
    return response
