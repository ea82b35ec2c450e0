"""Bodies of REST requests and their answers: tensors in rows or columns, examples, classes, values.

The layout and the words for what is wrong are TensorFlow Serving's (util/json_tensor.cc).
"""

from collections.abc import Mapping

import numpy as np
import orjson

from serving.protocol.serving_error import Refusal, invalid_argument
from serving.protocol.stubs import classification_pb2, example_pb2, input_pb2, meta_graph_pb2, regression_pb2
from serving.rest.json_values import decoded, is_base64, json_type, plain, read_tensor, show


def parse(body: bytes) -> dict:
    """Read the body of a request.

    Raises:
        Refusal: INVALID_ARGUMENT, if it is no JSON object.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid_argument(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {show(document)} Is not object")
    return document


def signature_name(document: dict) -> str:
    """Return the signature that a request names, or an empty string."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {show(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def tensors(document: dict, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, np.ndarray]:
    """Return the inputs of a Predict request, from its rows (`instances`) or its columns (`inputs`).

    Args:
        document: the request.
        declared: inputs of the signature.

    Raises:
        Refusal: INVALID_ARGUMENT, for whatever is wrong.
    """
    if "instances" in document and "inputs" in document:
        raise invalid_argument(
            f"JSON Value: {show(document)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if "instances" in document:
        return _from_rows(document, declared)
    if "inputs" in document:
        return _from_columns(document["inputs"], declared)
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def is_by_row(document: dict) -> bool:
    """Tell whether a request has rows, so that its answer gets them too."""
    return "instances" in document


def examples(document: dict) -> input_pb2.Input:
    """Return the examples of a Classify or Regress request.

    Raises:
        Refusal: INVALID_ARGUMENT, for whatever is wrong.
    """
    given = document.get("examples")
    if "examples" not in document:
        raise invalid_argument(
            f"JSON Value: {show(document)} When method is classify, key 'examples' is expected and was "
            "not found"
        )
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
    """Write the answer to a Predict request.

    Raises:
        Refusal: INVALID_ARGUMENT, if rows are asked for and the outputs have none in common, or a string is
            not UTF-8 and its name does not end in `_bytes`.
    """
    written = {name: plain(name, array) for name, array in sorted(outputs.items())}
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
    """Write the answer to a Classify request: for each example its classes as `[label, score]`."""
    return _dump(
        {
            "results": [
                [[found.label, np.float32(found.score)] for found in one.classes]
                for one in result.classifications
            ]
        }
    )


def regressions(result: regression_pb2.RegressionResult) -> bytes:
    """Write the answer to a Regress request: for each example its value."""
    return _dump({"results": [np.float32(one.value) for one in result.regressions]})


def _from_rows(document: dict, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, np.ndarray]:
    rows = document["instances"]
    if not isinstance(rows, list):
        raise invalid_argument(f"JSON Value: {show(document)} Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid_argument(f"JSON Value: {show(document)} No values in 'instances' array")
    if not isinstance(rows[0], dict) and len(declared) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    named = _is_object(rows[0])
    for k, row in enumerate(rows):
        if named and not _is_object(row):
            raise invalid_argument(f"Expecting object but got list at item {k} of input list")
        if not named and _is_object(row):
            raise invalid_argument(f"Expecting value/list but got object at item {k} of input list")
        if named and set(row) != set(declared):
            raise invalid_argument(
                f"Failed to process element: {k} of 'instances' list. JSON object: {show(row)} "
                f"keys must be equal to: {','.join(sorted(declared))}"
            )
    columns = (
        {name: [row[name] for row in rows] for name in declared} if named else {next(iter(declared)): rows}
    )
    return {name: _rows_tensor(name, column, declared[name].dtype) for name, column in columns.items()}


def _rows_tensor(name: str, column: list, dtype: int) -> np.ndarray:
    try:
        return read_tensor(column, dtype)
    except Refusal as whole:
        shape = None
        for k, value in enumerate(column):  # which of them it is
            try:
                found = read_tensor(value, dtype).shape
                if shape is not None and found != shape:
                    raise invalid_argument(f"Expecting shape {_list(shape)} but got: {_list(found)}")
                shape = found
            except Refusal as refusal:
                raise invalid_argument(
                    f"Failed to process element: {k} key: {name} of 'instances' list. "
                    f"Error: INVALID_ARGUMENT: {refusal.message}"
                ) from refusal
        raise whole


def _from_columns(given: object, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, np.ndarray]:
    if not _is_object(given):
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


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _example(value: object) -> example_pb2.Example:
    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {json_type(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add_to_feature(name, feature, item)
    return example


def _add_to_feature(name: str, feature: example_pb2.Example, item: object) -> None:
    if isinstance(item, str):
        kind, value = "bytes_list", item.encode()
    elif is_base64(item):
        kind, value = "bytes_list", decoded(item)
    elif isinstance(item, float):
        kind, value = "float_list", item
    elif isinstance(item, int):  # truth values too
        kind, value = "int64_list", int(item)
    else:
        raise invalid_argument(f"Feature: {name} has element with unexpected JSON type: {json_type(item)}")
    have = feature.WhichOneof("kind")
    if have not in (None, kind):
        expected = have.removesuffix("_list")
        raise invalid_argument(f"Unexpected element type in feature: {name} expecting type: {expected}")
    if kind == "int64_list" and value >= 2**63:
        raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    getattr(feature, kind).value.append(value)


def _dump(document: dict) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _list(shape: tuple[int, ...]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"
