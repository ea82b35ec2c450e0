"""Values of JSON to tensors and back.

The rules and the words for what is wrong are TensorFlow Serving's (util/json_tensor.cc).
"""

import base64
import binascii

import numpy as np
import orjson

from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import types_pb2
from serving.protocol.tensors import dtype_name, numpy_type

_SHOWN = 256  # characters of a value that are quoted in an error
_MAX_RANK = 32  # NumPy's
_KINDS = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}


def read_tensor(value: object, dtype: int) -> np.ndarray:
    """Read a value of nested lists as a tensor.

    Args:
        value: as `orjson` reads it.
        dtype: TensorFlow's number of the type that it must have.

    Raises:
        Refusal: INVALID_ARGUMENT, if it is of another type, is not rectangular, or is too large for the type.
    """
    shape = _shape(value)
    if dtype == types_pb2.DT_STRING:
        found: list[bytes] = []
        _walk(value, shape, dtype, found)
        return np.array(found, object).reshape(shape)
    target = numpy_type(dtype)
    if target is None:
        message = f"Conversion of JSON Value: {show(value)} to type: {dtype_name(dtype)}"
        raise invalid_argument(message)
    try:
        array = np.array(value)
    except (ValueError, OverflowError):  # lists of different lengths; numbers beyond 64 bits
        array = None
    if array is None or (array.size and array.dtype.kind not in _KINDS[target.kind]):
        _walk(value, shape, dtype, [])
        raise invalid_argument(f"JSON Value: {show(value)} is not of expected type: {dtype_name(dtype)}")
    if target.kind in "iu" and array.size:
        limits = np.iinfo(target)
        if array.min() < limits.min or array.max() > limits.max:
            raise invalid_argument(f"JSON Value: {show(value)} holds numbers that are no {dtype_name(dtype)}")
    with np.errstate(over="ignore"):  # too large for float32 is infinite, which is refused later
        return array.astype(target)


def plain(name: str, array: np.ndarray) -> object:
    """Return an array as `orjson` takes it: strings as text, or as base64 if the name says bytes.

    Raises:
        Refusal: INVALID_ARGUMENT, for text that is not UTF-8.
    """
    if not array.dtype.hasobject:
        return np.ascontiguousarray(array) if array.ndim else array[()]

    def text(value: bytes) -> object:
        if name.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise invalid_argument("Failed to write JSON value for tensor type: string") from error

    def nested(value: object) -> object:
        return [nested(item) for item in value] if isinstance(value, list) else text(value)

    return nested(array.tolist())


def is_base64(value: object) -> bool:
    """Tell whether a value stands for bytes: `{"b64": "..."}`."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def decoded(value: dict) -> bytes:
    """Return the bytes that a value stands for, or raise INVALID_ARGUMENT."""
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {show(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("Unable to base64 decode") from error


def show(value: object) -> str:
    """Return a value as text for an error, cut off where it gets long."""
    # Cut before it is written: a picture as text is megabytes.
    return orjson.dumps(_few(value)).decode()[:_SHOWN]


def json_type(value: object) -> str:
    """Return the type of a value under the name that Serving gives it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    return {dict: "Object", list: "Array", str: "String"}.get(type(value), "Number")


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


def _walk(value: object, shape: tuple[int, ...], dtype: int, found: list[bytes], level: int = 0) -> None:
    """Go through the values of a tensor as Serving does, collect strings, and say what is wrong first."""
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
    for item in value:
        _walk(item, shape, dtype, found, level + 1)


def _leaf(value: object, dtype: int) -> bytes:
    if dtype == types_pb2.DT_STRING and isinstance(value, dict):
        return decoded(value)
    if dtype == types_pb2.DT_STRING and isinstance(value, str):
        return value.encode()
    wanted = {"f": (int, float), "i": (int,), "u": (int,), "b": (bool,), "O": ()}[numpy_type(dtype).kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise invalid_argument(
            f"JSON Value: {show(value)} Type: {json_type(value)} is not of expected type: {dtype_name(dtype)}"
        )
    return b""


def _few(value: object, depth: int = 0) -> object:
    if depth == 8:
        return "..."
    if isinstance(value, list):
        return [_few(item, depth + 1) for item in value[:_SHOWN]] if depth < 3 else "..."
    if isinstance(value, dict):
        return {key[:_SHOWN]: _few(item, depth + 1) for key, item in list(value.items())[:_SHOWN]}
    return value[:_SHOWN] if isinstance(value, str) else value
