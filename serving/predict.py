"""From a Predict request to its response, given the model."""

from contextlib import AbstractContextManager, nullcontext

from serving.checks import check_predict
from serving.model import Model
from serving.stubs import model_pb2, predict_pb2
from serving.tensors import to_proto

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
    spec = model_pb2.ModelSpec(name=model.name, signature_name=name)
    spec.version.value = model.version
    return predict_pb2.PredictResponse(
        model_spec=spec, outputs={name: to_proto(array) for name, array in results.items()}
    )
