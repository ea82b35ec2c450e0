"""Tensors and values from JSON, and back.

The rules and the words for what is wrong are TensorFlow Serving's (util/json_tensor.cc).
"""

import base64
import json
import re

import numpy as np
import orjson
from grpc import StatusCode

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import types_pb2
from serving.protocol.tensors import dtype_name, numpy_type
from serving.rest.json_text import NumberArray, to_bytes

_QUOTED = 256  # characters of a value that are quoted in an error
_MAX_RANK = 32  # NumPy's

# The dtypes that Serving reads and writes, with the Python types that their values may have.
_VALUE_TYPES: dict[int, set[type]] = {
    types_pb2.DT_FLOAT: {int, float},
    types_pb2.DT_DOUBLE: {int, float},
    types_pb2.DT_INT8: {int},
    types_pb2.DT_INT16: {int},
    types_pb2.DT_INT32: {int},
    types_pb2.DT_INT64: {int},
    types_pb2.DT_UINT8: {int},
    types_pb2.DT_UINT32: {int},
    types_pb2.DT_UINT64: {int},
    types_pb2.DT_BOOL: {bool},
    types_pb2.DT_STRING: {str},
}
_NUMPY_TYPES = {numpy_type(number): number for number in _VALUE_TYPES}

# Absolutely, no other characters: Base64 of RFC 4648, and what ends it.
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)([=.]*)")


def read_tensor(value: object, dtype: int) -> np.ndarray:
    """Convert a value, or nested lists of values, to an array.

    Args:
        value: Value of `json_text.parse_object`.
        dtype: TensorFlow's number of the dtype that it must have.

    Raises:
        ServingError: INVALID_ARGUMENT, if a value is of another type or the lists are not rectangular;
            UNIMPLEMENTED, for a dtype that JSON has no values for.
    """
    if isinstance(value, NumberArray) and dtype in _VALUE_TYPES and numpy_type(dtype).kind in "iuf":
        array = value.array(numpy_type(dtype))
        if array is not None:
            return array
    value = as_lists(value)
    shape = _shape(value)
    found: list = []
    _collect(value, shape, dtype, found)
    target = numpy_type(dtype)
    if target.hasobject:
        return np.array(found, object).reshape(shape)
    if target.kind in "iu" and found:
        limits = np.iinfo(target)
        if min(found) < limits.min or max(found) > limits.max:
            raise invalid_argument(f"JSON Value: {show(value)} holds numbers that are no {dtype_name(dtype)}")
    with np.errstate(over="ignore"):  # too large for float32 is infinite, as in Serving
        return np.array(found, np.float64 if target.kind == "f" else target).astype(target).reshape(shape)


def as_lists(value: object) -> object:
    """Return a value with each `NumberArray` in it parsed."""
    if isinstance(value, NumberArray):
        return value.values()
    if isinstance(value, list) and not set(map(type, value)) <= {int, float, bool, str}:
        return [as_lists(item) for item in value]
    return value


def to_json(name: str, array: np.ndarray) -> object:
    """Convert an output to what `orjson` writes.

    Strings become text, or base64 if the name ends in `_bytes`.

    Args:
        name: Name of the output.
        array: Its value.

    Raises:
        ServingError: INVALID_ARGUMENT, for a dtype that Serving does not write.
    """
    if array.dtype not in _NUMPY_TYPES:
        raise invalid_argument(f"Failed to write JSON value for tensor type: {array.dtype.name}")
    if array.dtype.hasobject:
        convert = _base64 if name.endswith("_bytes") else _text
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        convert = _number
    else:
        return np.ascontiguousarray(array) if array.ndim else array[()]

    def nested(value: np.ndarray) -> object:
        return [nested(item) for item in value] if isinstance(value, np.ndarray) else convert(value)

    return nested(array if array.ndim else array[()])


def is_base64(value: object) -> bool:
    """Tell whether a value stands for bytes: `{"b64": "..."}`."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def decode_base64(value: dict) -> bytes:
    """Return the bytes that a value stands for, or raise INVALID_ARGUMENT.

    As for Abseil's `Base64Unescape`, blanks count for nothing and the padding may be missing.
    """
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {show(value)} not formatted correctly for base64 data")
    text = value["b64"]
    if not text.isascii():
        raise invalid_argument("Unable to base64 decode")
    match = _BASE64.fullmatch("".join(text.split()))
    missing = -len(match[1]) % 4 if match else 3
    if missing == 3 or len(match[2]) not in (0, missing):
        raise invalid_argument("Unable to base64 decode")
    return base64.b64decode(match[1] + "=" * missing)


def show(value: object) -> str:
    """Return a value as Serving quotes it in an error, cut off after 256 characters."""
    pieces: list[str] = []

    def put(piece: str) -> bool:
        pieces.append(piece)
        return sum(map(len, pieces)) < _QUOTED

    _show(value, 0, put)
    return "".join(pieces)[:_QUOTED]


def json_type(value: object) -> str:
    """Return the type of a value under the name that Serving gives it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    return {dict: "Object", list: "Array", NumberArray: "Array", str: "String"}.get(type(value), "Number")


def _shape(value: object) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > _MAX_RANK:
            raise invalid_argument(f"JSON Value: nested deeper than {_MAX_RANK} lists")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _collect(value: object, shape: tuple[int, ...], dtype: int, found: list, level: int = 0) -> None:
    """Collect the values of a tensor in order, and raise the error of the first that is wrong."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {show(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        found.append(_leaf(value, dtype))
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    # A row of numbers is checked as a whole, so that a wrong one does not cost more than the parsing did.
    is_row = level == len(shape) - 1 and dtype != types_pb2.DT_STRING
    if is_row and set(map(type, value)) <= _VALUE_TYPES.get(dtype, set()):
        found += value
        return
    for item in value:
        _collect(item, shape, dtype, found, level + 1)


def _leaf(value: object, dtype: int) -> object:
    if dtype == types_pb2.DT_STRING and isinstance(value, dict):
        return decode_base64(value)
    if dtype not in _VALUE_TYPES and not isinstance(value, dict):
        message = f"Conversion of JSON Value: {show(value)} to type: {dtype_name(dtype)}"
        raise ServingError(StatusCode.UNIMPLEMENTED, message)
    if type(value) not in _VALUE_TYPES.get(dtype, ()):
        raise invalid_argument(
            f"JSON Value: {show(value)} Type: {json_type(value)} is not of expected type: {dtype_name(dtype)}"
        )
    return to_bytes(value) if dtype == types_pb2.DT_STRING else value


def _base64(value: bytes) -> object:
    return {"b64": base64.b64encode(value).decode()}


def _text(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:  # written as it is, as Serving does
        text = json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)
        return orjson.Fragment(to_bytes(text))


def _number(value: np.floating) -> object:
    if np.isfinite(value):
        return value
    return orjson.Fragment(b"NaN" if np.isnan(value) else b"Infinity" if value > 0 else b"-Infinity")


def _show(value: object, depth: int, put) -> bool:
    """Write a value as RapidJSON's PrettyWriter does with lists on one line; stops when `put` says so."""
    if isinstance(value, NumberArray):
        return put(value.text[:_QUOTED].decode())
    if isinstance(value, list):
        going = put("[")
        for k, item in enumerate(value):
            going = going and put(", " if k else "") and depth < _MAX_RANK and _show(item, depth + 1, put)
            if not going:
                return False
        return put("]")
    if isinstance(value, dict):
        going, indent = put("{"), "\n" + "    " * (depth + 1)
        for k, (key, item) in enumerate(value.items()):
            going = going and put(("," if k else "") + indent + json.dumps(key[:_QUOTED]) + ": ")
            if not (going and depth < _MAX_RANK and _show(item, depth + 1, put)):
                return False
        return put("\n" + "    " * depth + "}" if value else "}")
    if isinstance(value, str):
        return put(json.dumps(value[:_QUOTED], ensure_ascii=False).encode("utf-8", "replace").decode())
    return put(json.dumps(value))
