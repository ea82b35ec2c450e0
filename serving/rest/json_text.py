"""The body of a request as a JSON object, with its long lists left unparsed until their dtype is known."""

import re
import secrets

from serving.protocol.serving_error import invalid_argument
from serving.rest.json_array import OBJECT, JsonArray, list_at_start
from serving.rest.json_syntax import BLANK, STRING, decode, first_of_each_key

_MIN_LENGTH = 256  # bytes of a list that is left unparsed; for a short one it does not pay

# A list up to its end, or up to what a list of scalars and objects cannot hold. Strings outside of lists
# are matched too, so that no list is found in one. No alternative is tried twice at one place: the search is
# linear whatever the body is.
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
        The object; long lists in it are a `JsonArray`.

    Raises:
        NotAnObject: if it is another value.
        ServingError: INVALID_ARGUMENT, for invalid JSON.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.strip(BLANK):
        raise invalid_argument("JSON Parse error: The document is empty. at offset: 0")
    arrays: list[JsonArray] = []
    key = secrets.token_hex(8)  # which no body can know

    def cut_out(match: re.Match[bytes]) -> bytes:
        run = match[0]
        if run[:1] != b"[" or len(run) < _MIN_LENGTH:
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
    """Raise the parse error of a list that is cut off, without parsing it, unless an object may follow."""
    run, end = match[0], match.end()
    if body[end : end + 1] == b"{" or (end == len(body) and b'"' in run):
        return
    is_complete = run.rstrip(BLANK)[-1:] not in b",["
    words = "Missing a comma or ] after an array element." if is_complete else "Invalid value."
    raise invalid_argument(f"JSON Parse error: {words} at offset: {end}")


class NotAnObject(Exception):
    """A body that is JSON but no object.

    Attributes:
        value: The value that it is.
    """

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value
