"""Parses the body of a request as a JSON object; long lists stay unparsed until their dtype is known."""

import re
import secrets

from serving.protocol.serving_error import invalid_argument
from serving.rest.json_array import OBJECT, JsonArray, list_at_start
from serving.rest.json_syntax import BLANK, STRING, decode, first_of_each_key

# Parsing a shorter list later saves no time, and neither does one of long strings, such as files in base64.
_MIN_LENGTH = 256  # bytes
_LONG_ELEMENT = 64  # bytes between two commas, on average

# A list up to its end, or up to the first text that a list of scalars and objects cannot hold. Strings
# outside lists are matched too, so that brackets in them do not count. No alternative is tried twice at one
# place, so the search takes linear time for any body.
_RUN = re.compile(
    rb"\[(?>[0-9eE+\-.,\s\[\]]+|"
    + STRING
    + rb"|true|false|null|NaN|Inf(?:inity)?|"
    + OBJECT
    + rb")*+|"
    + STRING,
    re.DOTALL,
)


def parse_object(body: bytes) -> dict:
    """Parse a body that must be a JSON object.

    Returns:
        The object, with each long list as a `JsonArray`.

    Raises:
        NotAnObject: If the body is another JSON value.
        ServingError: INVALID_ARGUMENT, if the body is not valid JSON.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.strip(BLANK):
        raise invalid_argument("JSON Parse error: The document is empty. at offset: 0")
    arrays: list[JsonArray] = []
    key = secrets.token_hex(8)  # random, so no body can contain it on purpose

    def cut_out(match: re.Match[bytes]) -> bytes:
        run = match[0]
        if run[:1] != b"[" or len(run) < _MIN_LENGTH:
            return run
        if len(run) > _LONG_ELEMENT * run.count(b",") and b'"' in run:
            return run
        found = list_at_start(run)
        if found is None:
            _check_rest(body, match)
            return run
        arrays.append(found)
        return b'{"%s":%d}' % (key.encode(), len(arrays) - 1) + run[len(found.text) :]

    def make(pairs: list[tuple[str, object]]) -> object:
        if len(pairs) == 1 and pairs[0][0] == key:
            return arrays[pairs[0][1]]  # type: ignore[index]
        return first_of_each_key(pairs)

    document = decode(_RUN.sub(cut_out, body), make)
    if not isinstance(document, dict):
        raise NotAnObject(document)
    return document


def _check_rest(body: bytes, match: re.Match[bytes]) -> None:
    """Raise the parse error of a truncated list without parsing it, unless an object may follow."""
    run, end = match[0], match.end()
    if body[end : end + 1] == b"{" or (end == len(body) and b'"' in run):
        return
    is_complete = run.rstrip(BLANK)[-1:] not in b",["
    words = "Missing a comma or ] after an array element." if is_complete else "Invalid value."
    raise invalid_argument(f"JSON Parse error: {words} at offset: {end}")


class NotAnObject(Exception):
    """The body is valid JSON but not an object.

    Attributes:
        value: Value of the body.
    """

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value
