"""Bodies of REST requests and responses: tensors by row or by column, examples, classes, values.

The layout and the error messages are TensorFlow Serving's (util/json_tensor.cc).
"""

from collections.abc import Mapping

import numpy as np
import orjson

from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import classification_pb2, example_pb2, input_pb2, meta_graph_pb2, regression_pb2
from serving.rest.json_rows import is_object, read_rows
from serving.rest.json_syntax import to_bytes, to_text
from serving.rest.json_tensors import read_tensor
from serving.rest.json_text import NotAnObject, parse_object
from serving.rest.json_values import as_lists, decode_base64, is_base64, json_type, show, to_json


def parse(body: bytes) -> dict:
    """Parse the body of a request.

    Raises:
        ServingError: INVALID_ARGUMENT, if the body is not a JSON object.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        return parse_object(body)
    except NotAnObject as error:
        raise invalid_argument(f"JSON Value: {show(error.value)} Is not object") from error


def signature_name(document: dict) -> str:
    """Return the name of the signature in a request, or an empty string."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {show(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return to_text(name)


def tensors(document: dict, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, np.ndarray]:
    """Return the inputs of a Predict request, from its rows (`instances`) or its columns (`inputs`).

    Args:
        document: Body of the request.
        declared: Inputs of the signature.

    Raises:
        ServingError: INVALID_ARGUMENT, if the request is invalid; UNIMPLEMENTED, if JSON has no values for a
            dtype.
    """
    if "instances" in document and "inputs" in document:
        raise invalid_argument(
            f"JSON Value: {show(document)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if "instances" in document:
        return read_rows(document, declared)
    if "inputs" in document:
        return _from_columns(document["inputs"], declared)
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def is_by_row(document: dict) -> bool:
    """Tell whether a request is by row; its response then is by row too."""
    return "instances" in document


def examples(document: dict) -> input_pb2.Input:
    """Return the examples of a Classify or Regress request.

    Raises:
        ServingError: INVALID_ARGUMENT, for an invalid request.
    """
    given = document.get("examples")
    if "examples" not in document:
        raise invalid_argument(
            f"JSON Value: {show(document)} When method is classify, key 'examples' is expected and was "
            "not found"
        )
    given = as_lists(given)
    if not isinstance(given, list):
        raise invalid_argument(f"JSON Value: {show(document)} Expecting 'examples' value to be an list/array")
    if not given:
        raise invalid_argument(f"JSON Value: {show(document)} 'examples' value is an empty array")
    result = input_pb2.Input()
    if "context" in document:
        result.example_list_with_context.context.CopyFrom(_example(document["context"]))
        result.example_list_with_context.examples.extend(map(_example, given))
    else:
        result.example_list.examples.extend(map(_example, given))
    return result


def predictions(outputs: Mapping[str, np.ndarray], by_row: bool) -> bytes:
    """Return the body of the response to a Predict request.

    Raises:
        ServingError: INVALID_ARGUMENT, if rows are requested and the outputs have different numbers of rows,
            or if JSON has no values for a dtype.
    """
    written = {name: to_json(name, array) for name, array in sorted(outputs.items())}
    if not by_row:
        return _dump({"outputs": written if len(written) > 1 else next(iter(written.values()))})
    rows = None
    for name, array in sorted(outputs.items()):
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if rows not in (None, len(array)):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}"
            )
        rows = len(array)
    if len(written) == 1:
        return _dump({"predictions": next(iter(written.values()))})
    return _dump({"predictions": [{name: written[name][k] for name in written} for k in range(rows)]})


def classifications(result: classification_pb2.ClassificationResult) -> bytes:
    """Return the body of the response to a Classify request: `[label, score]` of each class, by example."""
    return _dump(
        {
            "results": [
                [[found.label, _decimal(found.score)] for found in one.classes]
                for one in result.classifications
            ]
        }
    )


def regressions(result: regression_pb2.RegressionResult) -> bytes:
    """Return the body of the response to a Regress request: one value for each example."""
    return _dump({"results": [_decimal(one.value) for one in result.regressions]})


def _decimal(value: float) -> object:
    return to_json("", np.array(value, np.float32))


def _from_columns(given: object, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, np.ndarray]:
    if not is_object(given):
        if len(declared) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required "
                "as per tensorinfo_map"
            )
        return {name: read_tensor(given, info.dtype) for name, info in declared.items()}
    for name in declared:
        if name not in given:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    return {name: read_tensor(given[name], info.dtype) for name, info in declared.items()}


def _example(value: object) -> example_pb2.Example:
    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {json_type(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        content = as_lists(content)
        feature = example.features.feature[to_text(name)]
        for item in content if isinstance(content, list) else [content]:
            _add_to_feature(name, feature, item)
    return example


def _add_to_feature(name: str, feature: example_pb2.Example, item: object) -> None:
    if isinstance(item, str):
        kind, value = "bytes_list", to_bytes(item)
    elif is_base64(item):
        kind, value = "bytes_list", decode_base64(item)
    elif isinstance(item, float):
        kind, value = "float_list", item
    elif isinstance(item, int):  # and a bool
        kind, value = "int64_list", int(item)
    else:
        raise invalid_argument(f"Feature: {name} has element with unexpected JSON type: {json_type(item)}")
    have = feature.WhichOneof("kind")
    if have not in (None, kind):
        expected = have.removesuffix("_list")
        raise invalid_argument(f"Unexpected element type in feature: {name} expecting type: {expected}")
    if kind == "int64_list" and not -(2**63) <= value < 2**63:
        raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    getattr(feature, kind).value.append(value)


def _dump(document: dict) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
