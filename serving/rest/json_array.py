"""Lists of a JSON body that are not parsed yet.

A frame of 256x256 pixels is 196,608 numbers. Parsed as one array of a known dtype, they cost a tenth of what
they do as Python objects. Where that fails, because one of them is wrong, the list is divided until the wrong
one is found, so that an error costs little more than a valid list.
"""

import math
import re
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import orjson
import simdjson

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.rest.json_syntax import BLANK, STRING, decode

MAX_RANK = 32  # NumPy's

#: An object without lists or objects in it.
FLAT_OBJECT = rb'\{(?>[^"{}\[\]]+|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+\}'

_GROUP = 16384  # bytes of a list that is parsed as Python values; fewer are not worth dividing

_OPAQUE = re.compile(FLAT_OBJECT + rb"|" + STRING, re.DOTALL)
_NUMBER_CHARACTERS = b"0123456789eE+-.,[]" + BLANK
_TO_ZERO = bytes.maketrans(b"123456789.eE+-", b"0" * 14)

# Kind of a dtype -> simdjson's type to read it as, and NumPy's.
_KINDS = {"i": ("i", np.int64), "u": ("i", np.int64), "u8": ("u", np.uint64), "f": ("d", np.float64)}


class JsonArray:
    """A list that is not parsed yet.

    Args:
        text: The list as JSON: brackets that match, with numbers, strings, names such as NaN and flat objects
            between them.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._arrays: dict[np.dtype, np.ndarray | None] = {}

    def array(self, dtype: np.dtype) -> np.ndarray | None:
        """Parse the list into an array of a dtype.

        Returns:
            Array, or None unless the lists are rectangular and every element is a number of the dtype's kind.

        Raises:
            ServingError: INVALID_ARGUMENT, for an integer outside of the range of the dtype.
        """
        if dtype not in self._arrays:
            self._arrays[dtype] = _parse_array(self.text, self._rectangle, dtype) if self._rectangle else None
        return self._arrays[dtype]

    def values(self) -> list:
        """Parse the list as Python values."""
        if not self._has_numbers_only:
            return decode(self.text)  # type: ignore[return-value]
        try:
            return orjson.loads(self.text)
        except orjson.JSONDecodeError as error:
            raise invalid_argument(f"JSON Parse error: Invalid value. at offset: {error.pos}") from error

    def items(self) -> list:
        """Return the elements: lists as `JsonArray`, everything else parsed."""
        if len(self.text) < _GROUP:
            return self.values()
        return [item for group, _ in self.groups() for item in group._items()]

    def groups(self) -> Iterator[tuple["JsonArray", int]]:
        """Divide the list into lists of some consecutive elements, and yield each with its length.

        A long element is in a list of its own.
        """
        ends = np.append(self._separators, len(self.text) - 1)
        begin, done = 1, 0
        while begin < len(self.text):
            k = min(int(np.searchsorted(ends, begin + _GROUP)), len(ends) - 1)
            if ends[k] - begin >= 2 * _GROUP and k > done:
                k -= 1
            yield JsonArray(b"[" + self.text[begin : ends[k]] + b"]"), k + 1 - done
            begin, done = int(ends[k]) + 1, k + 1

    def __len__(self) -> int:
        return len(self._separators) + 1 if self.text[1:-1].strip(BLANK) else 0

    def first(self) -> object:
        """Return the first element of a list that has some: a list as `JsonArray`, anything else parsed."""
        commas = self._separators
        return JsonArray(self.text[: commas[0]] + b"]" if len(commas) else self.text)._items()[0]

    def shape(self) -> tuple[int, ...]:
        """Return the numbers of elements of the list, of its first element, and so on.

        Raises:
            ServingError: INVALID_ARGUMENT, for lists that are nested too deeply.
        """
        shape: list[int] = []
        value: object = self
        while isinstance(value, list | JsonArray):
            shape.append(len(value))
            if len(shape) > MAX_RANK:
                raise nested_too_deeply()
            if not value:
                break
            value = value[0] if isinstance(value, list) else value.first()
        return tuple(shape)

    def _items(self) -> list:
        """Return the elements of a group."""
        inner = self.text[1:-1].strip(BLANK)
        if inner[:1] == b"[" and not len(self._separators):
            return [JsonArray(inner)]
        return self.values()

    @cached_property
    def _has_numbers_only(self) -> bool:
        return not self.text.translate(None, _NUMBER_CHARACTERS)

    @cached_property
    def _rectangle(self) -> tuple[int, ...] | None:
        """Shape of rectangular lists of what may be numbers, otherwise None."""
        return _rectangle(self.text.translate(_TO_ZERO, BLANK)) if self._has_numbers_only else None

    @cached_property
    def _separators(self) -> np.ndarray:
        """Positions of the commas between the elements."""
        depth, text = _depths(self.text)
        return np.flatnonzero((text == ord(",")) & (depth == 1))


def nested_too_deeply() -> ServingError:
    """Return the error for lists that are nested more deeply than a tensor can be."""
    return invalid_argument(f"JSON Value: nested deeper than {MAX_RANK} lists")


def out_of_range(number: object, dtype: str) -> ServingError:
    """Return the error for an integer that a dtype cannot hold."""
    return invalid_argument(f"JSON Value: {number} Type: Number is not of expected type: {dtype}")


def list_at_start(text: bytes) -> JsonArray | None:
    """Return the list at the beginning of a text, or None if its brackets do not match.

    Args:
        text: Text that begins with a bracket, otherwise as for `JsonArray`.
    """
    whole = JsonArray(text[: text.rfind(b"]") + 1])
    if whole._rectangle:
        return whole
    depth, _ = _depths(text)
    end = int(np.argmin(depth > 0))
    return JsonArray(text[: end + 1]) if depth[end] == 0 else None


def _depths(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return how many lists are open behind each character, and the characters, without those of strings."""
    if b'"' in text or b"{" in text:
        text = _OPAQUE.sub(lambda match: b"0" * len(match[0]), text)
    characters = np.frombuffer(text, np.uint8)
    steps = (characters == ord("[")).view(np.int8) - (characters == ord("]")).view(np.int8)
    return np.cumsum(steps, dtype=np.int32), characters


def _parse_array(text: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    kind, numpy_kind = _KINDS["u8" if dtype == np.uint64 else dtype.kind]
    try:
        numbers = simdjson.Parser().parse(text).as_buffer(of_type=kind)
    except (ValueError, TypeError, RuntimeError):  # no JSON; numbers of another kind, or beyond 64 bits
        return None
    array = np.frombuffer(numbers, numpy_kind)
    if array.size != math.prod(shape):
        return None
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            first = array[(array < limits.min) | (array > limits.max)][0]
            raise out_of_range(first, dtype.name)
    with np.errstate(over="ignore"):  # too large for float32 is infinite, as in Serving
        return array.astype(dtype).reshape(shape)


def _rectangle(compact: bytes) -> tuple[int, ...] | None:
    """Return the shape of nested lists, given without blanks and with a 0 for each character of a number.

    The brackets and commas alone must be those of a rectangle, which is compared as a whole.
    """
    if b"0[" in compact or b"]0" in compact:
        return None
    structure = compact.translate(None, b"0")
    rank = len(structure) - len(structure.lstrip(b"["))
    if rank > MAX_RANK:
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
