"""JSON parsed by the rules of RapidJSON with TensorFlow Serving's flags, with RapidJSON's error messages.

Serving parses with `kParseNanAndInfFlag` and `kParseStopWhenDoneFlag` (util/json_tensor.cc): NaN and
infinities are numbers, bytes after the value are ignored, the first of several equal keys counts, and strings
are bytes that need not be UTF-8. Python's parser does the same with a few additions.
"""

import json
import re
from collections.abc import Callable

from serving.protocol.serving_error import ServingError, invalid_argument

BLANK = b" \t\r\n"

#: A string. Once it has begun, the match cannot fail, so the search takes linear time for any body.
STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'

_INF = re.compile(STRING + rb"|\bInf\b", re.DOTALL)
_ESCAPED_BACKSLASH_OR_PAIR = re.compile(r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

# Python's error message -> RapidJSON's.
_WORDS = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}


def first_of_each_key(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object made of its members; of several with the same key, the first counts."""
    made: dict[str, object] = {}
    for name, value in pairs:
        made.setdefault(name, value)
    return made


def decode(text: bytes, make: Callable[[list[tuple[str, object]]], object] = first_of_each_key) -> object:
    """Decode a JSON value.

    Args:
        text: Text that begins with the value; anything after the value is ignored.
        make: Function that makes the value of an object from its members.

    Returns:
        The value. Strings may hold surrogates; see `to_bytes`.

    Raises:
        ServingError: INVALID_ARGUMENT, if the text is not valid JSON.
    """
    decoder = json.JSONDecoder(object_pairs_hook=make)
    string = text.decode("utf-8", "surrogateescape").lstrip(" \t\r\n")
    try:
        if "\\u" in string and _SURROGATE.search(_ESCAPED_BACKSLASH_OR_PAIR.sub("", string)):
            raise invalid_argument("JSON Parse error: The surrogate pair in string is invalid. at offset: 0")
        return decoder.raw_decode(string)[0]
    except json.JSONDecodeError as error:
        finite = _INF.sub(lambda match: match[0] if match[0] != b"Inf" else b"Infinity", text)
        if finite != text:
            return decode(finite, make)
        raise _parse_error(error) from error
    except RecursionError as error:
        raise invalid_argument("JSON Parse error: nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise invalid_argument(f"JSON Parse error: {error}") from error


def to_bytes(text: str) -> bytes:
    """Return the bytes that a decoded string had in the body."""
    return text.encode("utf-8", "surrogateescape")


def to_text(text: str) -> str:
    """Return a decoded string with a replacement for each byte that is not UTF-8."""
    return to_bytes(text).decode("utf-8", "replace")


def _parse_error(error: json.JSONDecodeError) -> ServingError:
    words = _WORDS.get(error.msg)
    if words is None:  # a missing comma
        before = error.doc[: error.pos]
        in_list = before.rfind("[") > before.rfind("{")
        what = "] after an array element." if in_list else "} after an object member."
        words = f"Missing a comma or {what}"
    return invalid_argument(f"JSON Parse error: {words} at offset: {error.pos}")
