"""JSON values: writing outputs, reading base64, and quoting values in errors.

The rules are TensorFlow Serving's (util/json_tensor.cc).
"""

import base64
import json
import re

import numpy as np
import orjson

from serving.protocol.serving_error import invalid_argument
from serving.rest.json_array import JsonArray
from serving.rest.json_syntax import to_bytes

_QUOTED = 256  # characters of a value that are quoted in an error
_MAX_DEPTH = 32  # of a quoted value

_WRITTEN = {np.dtype(name) for name in ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u4", "u8", "?", "O")}

# Base64 of RFC 4648 and its padding; no other characters are allowed.
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)([=.]*)")


def as_lists(value: object) -> object:
    """Return a value with each `JsonArray` in it parsed."""
    if isinstance(value, JsonArray):
        return value.values()
    if isinstance(value, list) and not set(map(type, value)) <= {int, float, bool, str}:
        return [as_lists(item) for item in value]
    return value


def to_json(name: str, array: np.ndarray) -> object:
    """Convert an output to a value that `orjson` can write.

    Strings become text, or base64 if the name ends in `_bytes`.

    Args:
        name: Name of the output.
        array: Value of the output.

    Raises:
        ServingError: INVALID_ARGUMENT, if Serving does not write the dtype.
    """
    if array.dtype not in _WRITTEN:
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
    """Return the bytes that a value stands for.

    As in Abseil's `Base64Unescape`, blanks are ignored and the padding may be missing.

    Raises:
        ServingError: INVALID_ARGUMENT, if the value is not valid base64.
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
    """Return a value as Serving quotes it in an error, truncated after 256 characters."""
    pieces: list[str] = []

    def put(piece: str) -> bool:
        pieces.append(piece)
        return sum(map(len, pieces)) < _QUOTED

    _show(value, 0, put)
    return "".join(pieces)[:_QUOTED]


def json_type(value: object) -> str:
    """Return Serving's name for the type of a value."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    return {dict: "Object", list: "Array", JsonArray: "Array", str: "String"}.get(type(value), "Number")


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
    """Write a value like RapidJSON's PrettyWriter with lists on one line, until `put` returns False."""
    if isinstance(value, JsonArray):
        return put(value.text[:_QUOTED].decode())
    if isinstance(value, list):
        going = put("[")
        for k, item in enumerate(value):
            going = going and put(", " if k else "") and depth < _MAX_DEPTH and _show(item, depth + 1, put)
            if not going:
                return False
        return put("]")
    if isinstance(value, dict):
        going, indent = put("{"), "\n" + "    " * (depth + 1)
        for k, (key, item) in enumerate(value.items()):
            going = going and put(("," if k else "") + indent + json.dumps(key[:_QUOTED]) + ": ")
            if not (going and depth < _MAX_DEPTH and _show(item, depth + 1, put)):
                return False
        return put("\n" + "    " * depth + "}" if value else "}")
    if isinstance(value, str):
        return put(json.dumps(value[:_QUOTED], ensure_ascii=False).encode("utf-8", "replace").decode())
    return put(json.dumps(value))
