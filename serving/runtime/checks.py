"""What is checked of a request before TensorFlow sees it.

TensorFlow trusts its caller: a tensor of the wrong rank that reaches an exported graph ends the whole
process. So a request is held against its signature first. The order of the checks and their wording are
TensorFlow Serving's as long as Serving has the check (servables/tensorflow/predict_util.cc, and
GetInputValues in TensorFlow's cc/saved_model/util.cc); those from `_check_shapes` on are ours and stricter.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import meta_graph_pb2, predict_pb2, tensor_pb2
from serving.protocol.tensors import dtype_name, format_shape, shape_of, to_array

#: Most elements of one input: a 3840x2160 frame in colour has 25 million. A FlowNetS needs some 300 bytes for
#: each pixel of the two frames.
MAX_ELEMENTS = 2**25


def check_predict(
    signature: meta_graph_pb2.SignatureDef, request: predict_pb2.PredictRequest, max_elements: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Hold a request against the signature that it asks for.

    Args:
        signature: names, types and shapes of inputs and outputs.
        request: what a client sent, not trusted in anything.
        max_elements: the most elements that one input may have.

    Returns:
        The inputs by name, and the names of the outputs that are wanted.

    Raises:
        Refusal: INVALID_ARGUMENT, for whatever is wrong.
    """
    inputs = dict(request.inputs)
    _check_names(signature, inputs)
    shapes = {name: _parsed_shape(name, inputs[name]) for name in sorted(inputs)}
    outputs = _wanted_outputs(signature, request.output_filter)
    _check_types(signature, inputs)
    _check_shapes(signature, shapes, max_elements)
    arrays = {name: to_array(inputs[name]) for name in shapes}
    _check_finite(arrays)
    return arrays, outputs


def _check_names(
    signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, tensor_pb2.TensorProto]
) -> None:
    sent, declared = set(inputs), set(signature.inputs)
    if len(sent) != len(declared):
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(declared)} "
            f"len({_names(sent)}) != len({_names(declared)}). "
            f"Sent extra: {_names(sent - declared)}. Missing but required: {_names(declared - sent)}."
        )
    for name in sorted(declared - sent):
        raise invalid_argument(
            f"Signature input alias: {name}(feed name: {signature.inputs[name].name}) not found in request "
            f"and no default value provided. Inputs expected to be in the request {_names(sent)}, "
            "or default input alias set: "
        )


def _parsed_shape(name: str, tensor: tensor_pb2.TensorProto) -> tuple[int, ...]:
    try:
        return shape_of(tensor)
    except ValueError as error:
        raise invalid_argument(f"tensor parsing error: {name}") from error


def _wanted_outputs(signature: meta_graph_pb2.SignatureDef, output_filter: Iterable[str]) -> list[str]:
    wanted: list[str] = []
    for name in output_filter:
        if name not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_names(signature.outputs)}."
            )
        if name in wanted:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
        wanted.append(name)
    return wanted or sorted(signature.outputs)


def _check_types(
    signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, tensor_pb2.TensorProto]
) -> None:
    # Serving counts arguments in the order of a hash map; ours is the alphabet, so that it means something.
    for position, name in enumerate(sorted(inputs)):
        expected, given = signature.inputs[name].dtype, inputs[name].dtype
        if expected != given:
            raise invalid_argument(
                f"Expects arg[{position}] to be {dtype_name(expected)} but {dtype_name(given)} is provided"
            )


def _check_shapes(
    signature: meta_graph_pb2.SignatureDef, shapes: Mapping[str, tuple[int, ...]], max_elements: int
) -> None:
    of_declared: dict[tuple[int, ...], str] = {}
    for name, shape in shapes.items():
        declaration = signature.inputs[name].tensor_shape
        declared = tuple(dim.size for dim in declaration.dim)
        if not declaration.unknown_rank and not _fits(shape, declared):
            raise invalid_argument(
                f"input {name} has the shape {format_shape(shape)}, "
                f"but the signature takes {format_shape(declared)}"
            )
        if 0 in shape:
            raise invalid_argument(f"input {name} is empty: it has the shape {format_shape(shape)}")
        if math.prod(shape) > max_elements:
            raise invalid_argument(
                f"input {name} has the shape {format_shape(shape)}, "
                f"which is more than this server's limit of {max_elements} elements"
            )
        # Inputs that are declared alike belong together, as the frames of a pair do.
        other = of_declared.setdefault(declared, name)
        if shapes[other] != shape:
            raise invalid_argument(
                f"inputs {other} and {name} must have the same shape, "
                f"but have {format_shape(shapes[other])} and {format_shape(shape)}"
            )


def _fits(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    return len(shape) == len(declared) and all(d in (-1, s) for s, d in zip(shape, declared, strict=True))


def _check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise invalid_argument(f"input {name} holds a value that is NaN or infinite")


def _names(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
