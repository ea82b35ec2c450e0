"""Checks of a Predict request before TensorFlow runs it.

Their order and wording are TensorFlow Serving's (servables/tensorflow/predict_util.cc, and GetInputValues in
TensorFlow's cc/saved_model/util.cc). Like Serving, this server does not check shapes by default: the graph
computes a tensor of another shape than declared as it can. There are two additions: `CHECKS`, which a model
can demand (`Model.input_checks`), and the limit of elements, which protects the memory of the process.
"""

import math
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import meta_graph_pb2, predict_pb2, tensor_pb2
from serving.protocol.tensors import dtype_name, format_shape, shape_of, to_array
from serving.runtime.image_headers import check_images

#: Largest number of elements of one input: a 3840x2160 frame in colour has 25 million. FlowNetS needs about
#: 300 bytes for each pixel of the two frames.
MAX_ELEMENTS = 2**25

#: Checks that a model can demand: name -> what the check rejects.
CHECKS = {
    "declared_shape": "inputs of another rank or another fixed size than the signature declares",
    "not_empty": "inputs without elements",
    "equal_shapes": "inputs that differ in shape",
    "finite": "inputs with NaN or infinity",
    "image_files": "strings that are not JPEG or PNG files; images with too many pixels or of several sizes",
}


def check_predict(
    signature: meta_graph_pb2.SignatureDef,
    request: predict_pb2.PredictRequest,
    max_elements: int,
    checks: Collection[str] = (),
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Check a request against the signature that it asks for.

    Args:
        signature: Names, dtypes and shapes of inputs and outputs.
        request: Untrusted request of a client.
        max_elements: Largest number of elements of one input.
        checks: Names of `CHECKS` that the model demands.

    Returns:
        The inputs by name, and the names of the requested outputs.

    Raises:
        ServingError: INVALID_ARGUMENT, if the request is invalid.
    """
    inputs = dict(request.inputs)
    _check_names(signature, inputs)
    shapes = {name: _parsed_shape(name, inputs[name]) for name in sorted(inputs)}
    outputs = _requested_outputs(signature, request.output_filter)
    _check_types(signature, inputs)
    for name, shape in shapes.items():
        if math.prod(shape) > max_elements:
            raise invalid_argument(
                f"input {name} has the shape {format_shape(shape)}, "
                f"which is more than this server's limit of {max_elements} elements"
            )
    if "declared_shape" in checks:
        _check_declared_shapes(signature, shapes)
    if "not_empty" in checks:
        _check_not_empty(shapes)
    if "equal_shapes" in checks:
        _check_equal_shapes(shapes)
    arrays = {name: _parsed(name, inputs[name]) for name in shapes}
    if "finite" in checks:
        _check_finite(arrays)
    if "image_files" in checks:
        check_images(arrays, max_elements)
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


def _parsed(name: str, tensor: tensor_pb2.TensorProto) -> np.ndarray:
    try:
        return to_array(tensor)
    except ValueError as error:  # a dtype without a counterpart in NumPy: quantised, or a resource
        raise invalid_argument(f"input {name}: {error}") from error


def _requested_outputs(signature: meta_graph_pb2.SignatureDef, output_filter: Iterable[str]) -> list[str]:
    requested: list[str] = []
    for name in output_filter:
        if name not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {_names(signature.outputs)}."
            )
        if name in requested:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
        requested.append(name)
    return requested or sorted(signature.outputs)


def _check_types(
    signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, tensor_pb2.TensorProto]
) -> None:
    # Serving numbers the arguments in the order of a hash map. Alphabetical order makes the number useful.
    for position, name in enumerate(sorted(inputs)):
        expected, given = signature.inputs[name].dtype, inputs[name].dtype
        if expected != given:
            raise invalid_argument(
                f"Expects arg[{position}] to be {dtype_name(expected)} but {dtype_name(given)} is provided"
            )


def _check_declared_shapes(
    signature: meta_graph_pb2.SignatureDef, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    for name, shape in shapes.items():
        declaration = signature.inputs[name].tensor_shape
        declared = tuple(dim.size for dim in declaration.dim)
        if not declaration.unknown_rank and not _fits(shape, declared):
            raise invalid_argument(
                f"input {name} has the shape {format_shape(shape)}, "
                f"but the signature takes {format_shape(declared)}"
            )


def _fits(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    return len(shape) == len(declared) and all(d in (-1, s) for s, d in zip(shape, declared, strict=True))


def _check_not_empty(shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if 0 in shape:
            raise invalid_argument(f"input {name} is empty: it has the shape {format_shape(shape)}")


def _check_equal_shapes(shapes: Mapping[str, tuple[int, ...]]) -> None:
    first = next(iter(shapes))
    for name, shape in shapes.items():
        if shape != shapes[first]:
            raise invalid_argument(
                f"inputs {first} and {name} must have the same shape, "
                f"but have {format_shape(shapes[first])} and {format_shape(shape)}"
            )


def _check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise invalid_argument(f"input {name} holds a value that is NaN or infinite")


def _names(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
