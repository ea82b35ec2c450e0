"""Lists in a JSON body that are parsed later, once their dtype is known.

A frame of 256x256 pixels is 196,608 numbers. Parsing them as one array of a known dtype takes a tenth of the
time of parsing them as Python objects. If this fails because one of them is wrong, the list is divided until
the wrong one is found. An invalid list therefore takes little longer than a valid one.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
import simdjson
from grpc import StatusCode

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.rest.json_syntax import BLANK, STRING, decode

MAX_RANK = 32  # NumPy's

_GROUP = 16384  # bytes of a list that is parsed as Python values; a shorter list is not divided


_QUOTED = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT_OBJECT = rb'\{(?>[^"{}\[\]]+|' + _QUOTED + rb")*+\}"


def _short_object(depth: int) -> bytes:
    """Return the pattern of an object with at most a kilobyte of text besides strings and inner objects."""
    inner = rb"|" + _short_object(depth - 1) if depth > 1 else b""
    return rb'\{(?>[^"{}]{1,32}|' + _QUOTED + inner + rb"){0,32}+\}"


#: An object that is not divided: one without lists, or a short one.
OBJECT = rb"(?:" + _FLAT_OBJECT + rb"|" + _short_object(8) + rb")"

_OPAQUE = re.compile(OBJECT + rb"|" + STRING, re.DOTALL)
_STRUCTURE = b"[],"
_NUMBERS = b"0123456789eE+-." + BLANK

# Kind of a dtype -> simdjson's type to read it as, and NumPy's.
_KINDS = {"i": ("i", np.int64), "u": ("i", np.int64), "u8": ("u", np.uint64), "f": ("d", np.float64)}


@dataclass(frozen=True)
class _Commas:
    """Commas of the outermost list except those in strings and objects; the lists inside it share them.

    Attributes:
        positions: Positions of the commas, and of brackets, ascending. To leave out the brackets would take
            longer than all else here.
        depths: Number of open lists at each comma, and 0 at each bracket.
    """

    positions: np.ndarray
    depths: np.ndarray

    def between(self, begin: int, end: int, depth: int) -> np.ndarray:
        """Return the positions after `begin` and before `end` at a depth, relative to `begin`."""
        first, last = np.searchsorted(self.positions, (begin + 1, end))
        return self.positions[first:last][self.depths[first:last] == depth] - begin


class JsonArray:
    """A list that is not parsed yet.

    Args:
        text: Text of the list: matching brackets with numbers, strings, names such as NaN, and objects
            between them.
        commas: Commas of the outermost list around this one; by default they are found when needed.
        begin: Position of this list in the text of the outermost one.
        depth: Number of open lists between the brackets of this one.
    """

    def __init__(self, text: bytes, commas: _Commas | None = None, begin: int = 0, depth: int = 1) -> None:
        self.text = text
        self._commas, self._begin, self._depth = commas, begin, depth
        self._arrays: dict[np.dtype, np.ndarray | None] = {}

    def array(self, dtype: np.dtype) -> np.ndarray | None:
        """Parse the list into an array of a dtype.

        Returns:
            Array; None if the lists are not rectangular or an element is not a number of the dtype's kind.

        Raises:
            ServingError: INVALID_ARGUMENT, if an integer is outside the range of the dtype, or rectangular
                lists are not valid JSON.
        """
        if dtype not in self._arrays:
            self._arrays[dtype] = _parse_array(self.text, self._rectangle, dtype) if self._rectangle else None
        return self._arrays[dtype]

    def values(self) -> list:
        """Parse the list as Python values."""
        if not self._has_numbers_only:
            return decode(self.text)  # type: ignore[return-value]
        return _parse_values(self.text)

    def items(self) -> list:
        """Return the elements: lists as `JsonArray`, everything else parsed."""
        if len(self.text) < _GROUP:
            return self.values()
        return [item for group, _ in self.groups() for item in group._items()]

    def groups(self) -> Iterator[tuple["JsonArray", int]]:
        """Divide the list into lists of consecutive elements, and yield each with its number of elements.

        A long element gets a list of its own.
        """
        ends = np.append(self._separators, len(self.text) - 1)
        begin, done = 1, 0
        while begin < len(self.text):
            k = min(int(np.searchsorted(ends, begin + _GROUP)), len(ends) - 1)
            if ends[k] - begin >= 2 * _GROUP and k > done:
                k -= 1
            if done == 0 and k == len(ends) - 1:
                yield self, k + 1
                return
            text = b"[" + self.text[begin : ends[k]] + b"]"
            yield self._part(text, begin - 1, self._depth), k + 1 - done
            begin, done = int(ends[k]) + 1, k + 1

    def __len__(self) -> int:
        return len(self._separators) + 1 if self.text[1:-1].strip(BLANK) else 0

    def first(self) -> object:
        """Return the first element of a non-empty list: a list as `JsonArray`, anything else parsed."""
        commas = self._separators
        text = self.text[: commas[0]] + b"]" if len(commas) else self.text
        return self._part(text, 0, self._depth)._items()[0]

    def shape(self) -> tuple[int, ...]:
        """Return the number of elements of the list, of its first element, and so on.

        Raises:
            ServingError: INVALID_ARGUMENT, if the lists are nested too deeply.
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
            item = self._part(inner, self.text.index(b"[", 1), self._depth + 1)
            if self.__dict__.get("_rectangle", True) is None:
                item._rectangle = None  # not rectangular with brackets around it, so not without them either
            return [item]
        return self.values()

    def _part(self, text: bytes, begin: int, depth: int) -> "JsonArray":
        part = JsonArray(text, self._commas, self._begin + begin, depth)
        if self.__dict__.get("_has_numbers_only"):
            part._has_numbers_only = True
        return part

    @cached_property
    def _without_numbers(self) -> bytes:
        return self.text.translate(None, _NUMBERS)

    @cached_property
    def _has_numbers_only(self) -> bool:
        return not self._without_numbers.translate(None, _STRUCTURE)

    @cached_property
    def _rectangle(self) -> tuple[int, ...] | None:
        """Shape of the lists if they are rectangular and hold only characters of numbers, otherwise None."""
        return _rectangle(self._without_numbers) if self._has_numbers_only else None

    @cached_property
    def _separators(self) -> np.ndarray:
        """Positions of the commas between the elements."""
        if self._commas is None:
            self._commas, _ = _structure(self.text)
        return self._commas.between(self._begin, self._begin + len(self.text) - 1, self._depth)


class ParseError(ServingError):
    """INVALID_ARGUMENT: a list of numbers is not valid JSON.

    Args:
        offset: Position of the error.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(StatusCode.INVALID_ARGUMENT, f"JSON Parse error: Invalid value. at offset: {offset}")


def nested_too_deeply() -> ServingError:
    """Return the error for lists that are nested more deeply than a tensor can be."""
    return invalid_argument(f"JSON Value: nested deeper than {MAX_RANK} lists")


def out_of_range(number: object, dtype: str) -> ServingError:
    """Return the error for an integer that a dtype cannot hold."""
    return invalid_argument(f"JSON Value: {number} Type: Number is not of expected type: {dtype}")


def list_at_start(text: bytes) -> JsonArray | None:
    """Return the list at the beginning of a text, or None if its brackets do not match.

    Args:
        text: Text that begins with a bracket; otherwise as for `JsonArray`.
    """
    whole = JsonArray(text[: text.rfind(b"]") + 1])
    if whole._rectangle:
        return whole
    commas, end = _structure(text)
    if end is None:
        return None
    found = whole if end + 1 == len(whole.text) else JsonArray(text[: end + 1])
    found._commas = commas
    return found


def _structure(text: bytes) -> tuple[_Commas, int | None]:
    """Return the commas of a list, and the position of its closing bracket; None without one."""
    opaque = [place for place in (text.find(b'"'), text.find(b"{")) if place >= 0]
    if opaque:  # replaced from the first one on, because the pattern is slower than `find`
        start = min(opaque)
        text = text[:start] + _OPAQUE.sub(lambda match: b"0" * len(match[0]), text[start:])
    characters = np.frombuffer(text, np.uint8)
    begins, ends, commas = (characters == ord(each) for each in "[],")
    positions = np.flatnonzero(begins | ends | commas)
    is_comma = commas[positions]
    depths = np.cumsum(begins[positions].astype(np.int8) - ends[positions], dtype=np.int32)
    closed = np.flatnonzero(depths <= 0)
    commas = _Commas(positions, np.where(is_comma, depths, 0))
    return commas, int(positions[closed[0]]) if closed.size else None


def _parse_array(text: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    kind, numpy_kind = _KINDS["u8" if dtype == np.uint64 else dtype.kind]
    try:
        numbers = simdjson.Parser().parse(text).as_buffer(of_type=kind)
    except ValueError:  # not JSON, or a number outside the range of the type
        _parse_values(text)  # raises a parse error at once, before any other list is parsed in vain
        return None
    except (TypeError, RuntimeError):  # numbers of another kind, or integers beyond 64 bits
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


def _parse_values(text: bytes) -> list:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ParseError(error.pos) from error


def _rectangle(structure: bytes) -> tuple[int, ...] | None:
    """Return the shape of nested lists, or None if they are not rectangular.

    The text has only the brackets and commas. They are compared as a whole with those of a rectangle. Where
    numbers are missing, or stand beside a bracket, the parser says so.
    """
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
