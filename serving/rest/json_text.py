"""JSON as TensorFlow Serving reads it, with a short way for the arrays of numbers that bodies are made of.

Serving parses with RapidJSON and the flags `kParseNanAndInfFlag` and `kParseStopWhenDoneFlag`
(util/json_tensor.cc): NaN and infinities are numbers, a byte-order mark and bytes behind the value are
ignored, the first of a repeated key counts, and strings are bytes that need not be UTF-8. Python's parser can
do all that but makes an object of each number. So long arrays of numbers are cut out of the text first, and
parsed when their dtype is known (`NumberArray`).
"""

import json
import math
import re
import secrets
import warnings
from collections.abc import Callable

import numpy as np
import orjson

from serving.protocol.serving_error import ServingError, invalid_argument

_MIN_LENGTH = 256  # bytes of an array that is cut out; for a short one it does not pay
_MAX_RANK = 32  # NumPy's

# Strings are matched so that nothing is cut out of them. Neither alternative can fail once it has begun,
# which keeps the search linear whatever the body is.
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_RUN = re.compile(_STRING + rb"|\[[0-9eE+\-.,\s\[\]]*", re.DOTALL)
_INF = re.compile(_STRING + rb"|\bInf\b", re.DOTALL)
_ESCAPED_BACKSLASH_OR_PAIR = re.compile(r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_MINUS_ALONE = re.compile(rb"-(?![01])")

_BLANK = b" \t\r\n"
_TO_ZERO = bytes.maketrans(b"123456789.eE+-", b"0" * 14)
_TO_ONE = bytes.maketrans(b"23456789", b"1" * 8)

# Python's words for what is wrong -> RapidJSON's.
_WORDS = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}


class NumberArray:
    """A list of numbers, or of such lists, that is not parsed yet.

    Args:
        text: The list as JSON; only digits, signs, points, exponents, commas, blanks and brackets.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._arrays: dict[np.dtype, np.ndarray | None] = {}

    def array(self, dtype: np.dtype) -> np.ndarray | None:
        """Parse the numbers into an array of a dtype.

        Returns:
            Array, or None unless the lists are rectangular and every number is one of the dtype. What is
            wrong then says `values` and a walk through them.
        """
        if dtype not in self._arrays:
            self._arrays[dtype] = self._parse(dtype)
        return self._arrays[dtype]

    def _parse(self, dtype: np.dtype) -> np.ndarray | None:
        shape = _shape(self.text.translate(_TO_ZERO, _BLANK))
        if shape is None:
            return None
        array = self._whole_numbers() if dtype.kind in "iu" and dtype.itemsize < 8 else None
        if array is None:
            try:
                array = np.array(orjson.loads(b"[" + self.text.translate(None, b"[]") + b"]"))
            except (orjson.JSONDecodeError, OverflowError):
                return None
        is_integer = dtype.kind in "iu"
        if array.size != math.prod(shape) or array.dtype.kind not in ("iu" if is_integer else "iuf"):
            return None
        if is_integer:
            limits = np.iinfo(dtype)
            if array.min() < limits.min or array.max() > limits.max:
                return None
        with np.errstate(over="ignore"):  # too large for float32 is infinite, as in Serving
            return array.astype(dtype).reshape(shape)

    def _whole_numbers(self) -> np.ndarray | None:
        """Parse whole numbers without a Python object for each; None if one is invalid or too large."""
        if any(sign in self.text for sign in (b".", b"e", b"E", b"+")):
            return None
        text = self.text.translate(_TO_ONE)
        if b"-" in text and (b"0-" in text or b"1-" in text or _MINUS_ALONE.search(text)):
            return None
        compact = text.translate(None, _BLANK)
        if any(before + b"0" + digit in compact for before in (b"[", b",", b"-") for digit in (b"0", b"1")):
            return None  # a leading zero
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                return np.fromstring(self.text.translate(None, b"[]"), np.int64, sep=",")
            except (DeprecationWarning, ValueError):  # what NumPy says where it cannot read on
                return None

    def values(self) -> list:
        """Parse the lists as Python values."""
        try:
            return orjson.loads(self.text)
        except orjson.JSONDecodeError as error:
            raise invalid_argument(f"JSON Parse error: Invalid value. at offset: {error.pos}") from error


def parse_object(body: bytes) -> dict:
    """Parse a body that must be a JSON object.

    Returns:
        The object; long arrays of numbers in it are a `NumberArray`.

    Raises:
        ServingError: INVALID_ARGUMENT, if it is none.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.strip(_BLANK):
        raise invalid_argument("JSON Parse error: The document is empty. at offset: 0")
    arrays: list[NumberArray] = []
    key = secrets.token_hex(8)  # which no body can know

    def cut_out(match: re.Match[bytes]) -> bytes:
        run = match[0]
        end = run.rfind(b"]") + 1
        if run[:1] != b"[" or end < _MIN_LENGTH or run.count(b"[", 0, end) != run.count(b"]", 0, end):
            return run
        arrays.append(NumberArray(run[:end]))
        return b'{"%s":%d}' % (key.encode(), len(arrays) - 1) + run[end:]

    def make(pairs: list[tuple[str, object]]) -> object:
        if len(pairs) == 1 and pairs[0][0] == key:
            return arrays[pairs[0][1]]
        made: dict[str, object] = {}
        for name, value in pairs:
            made.setdefault(name, value)
        return made

    text = _RUN.sub(cut_out, body)
    document = _decode(text, make)
    if not isinstance(document, dict):
        raise NotAnObject(document)
    return document


class NotAnObject(Exception):
    """A body that is JSON but no object.

    Attributes:
        value: The value that it is.
    """

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def to_bytes(text: str) -> bytes:
    """Return the bytes of a string of `parse_object`, as they were in the body."""
    return text.encode("utf-8", "surrogateescape")


def to_text(text: str) -> str:
    """Return a string of `parse_object` with a replacement for each byte that is not UTF-8."""
    return to_bytes(text).decode("utf-8", "replace")


def _decode(text: bytes, make: Callable) -> object:
    decoder = json.JSONDecoder(object_pairs_hook=make)
    string = text.decode("utf-8", "surrogateescape").lstrip(" \t\r\n")
    try:
        if "\\u" in string and _SURROGATE.search(_ESCAPED_BACKSLASH_OR_PAIR.sub("", string)):
            raise invalid_argument("JSON Parse error: The surrogate pair in string is invalid. at offset: 0")
        return decoder.raw_decode(string)[0]
    except json.JSONDecodeError as error:
        finite = _INF.sub(lambda match: match[0] if match[0] != b"Inf" else b"Infinity", text)
        if finite != text:
            return _decode(finite, make)
        raise _parse_error(error) from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise invalid_argument(f"JSON Parse error: {error}") from error


def _parse_error(error: json.JSONDecodeError) -> ServingError:
    words = _WORDS.get(error.msg)
    if words is None:  # a missing comma
        before = error.doc[: error.pos]
        in_list = before.rfind("[") > before.rfind("{")
        what = "] after an array element." if in_list else "} after an object member."
        words = f"Missing a comma or {what}"
    return invalid_argument(f"JSON Parse error: {words} at offset: {error.pos}")


def _shape(compact: bytes) -> tuple[int, ...] | None:
    """Return the shape of nested lists, given without blanks and with a 0 for each character of a number.

    The brackets and commas alone must be those of a rectangle, which is compared as a whole.
    """
    if b"0[" in compact or b"]0" in compact:
        return None
    structure = compact.translate(None, b"0")
    rank = len(structure) - len(structure.lstrip(b"["))
    if rank > _MAX_RANK:
        return None
    shape, pattern = [], b""
    for level in range(rank - 1, -1, -1):
        # `pattern` is one element of the first list of this level, which begins at index `level` and ends
        # with the first run of as many brackets as are open there.
        closing = b"]" * (rank - level)
        end = structure.find(closing) + len(closing) - 1
        size = (end - level) // (len(pattern) + 1)
        if end < level or size < 1:
            return None
        pattern = b"[" + b",".join([pattern] * size) + b"]"
        shape.append(size)
    return tuple(reversed(shape)) if pattern == structure else None
