"""Inputs of a Predict request by row: `{"instances": [...]}`.

The layout and the error messages are TensorFlow Serving's (util/json_tensor.cc).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import meta_graph_pb2
from serving.protocol.tensors import numpy_type
from serving.rest.json_array import JsonArray, ParseError
from serving.rest.json_tensors import numbers_at_once, read_tensor
from serving.rest.json_values import is_base64, show

# Number of rows that are read at once. If one of them is wrong, only these are read again one by one.
_BLOCK = 64


def read_rows(document: dict, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, np.ndarray]:
    """Return the inputs of a request as arrays whose first dimension is the row.

    Args:
        document: Body of the request.
        declared: Inputs of the signature.

    Raises:
        ServingError: INVALID_ARGUMENT, if the request is invalid.
    """
    rows = document["instances"]
    if isinstance(rows, JsonArray):
        array = _at_once(rows, declared)
        if array is not None:
            return {next(iter(declared)): array}
    elif not isinstance(rows, list):
        raise invalid_argument(f"JSON Value: {show(document)} Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid_argument(f"JSON Value: {show(document)} No values in 'instances' array")
    first = rows.first() if isinstance(rows, JsonArray) else rows[0]
    if not isinstance(first, dict) and len(declared) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    reader = _Rows(declared, is_object(first))
    if isinstance(rows, list):
        reader.add(rows)
    else:
        for group, length in rows.groups():
            array = _at_once(group, declared) if length > 1 else None
            if array is None or not reader.add_array(array):
                reader.add(group.items())
    return reader.arrays()


def is_object(value: object) -> bool:
    """Tell whether a value is an object that does not stand for bytes."""
    return isinstance(value, dict) and not is_base64(value)


class _Rows:
    """Rows read so far.

    Args:
        declared: Inputs of the signature.
        named: Whether rows are objects with a value for each input.
    """

    def __init__(self, declared: Mapping[str, meta_graph_pb2.TensorInfo], named: bool) -> None:
        self._declared = declared
        self._named = named
        self._shapes: dict[str, tuple[int, ...]] = {}  # of a row
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in declared}
        self._count = 0

    def add_array(self, part: np.ndarray) -> bool:
        """Add rows of the only input if their shape fits; return whether they were added."""
        name = next(iter(self._declared))
        if self._shape(name, part) != part.shape[1:]:
            return False
        self._parts[name].append(part)
        self._count += len(part)
        return True

    def add(self, rows: Sequence[object]) -> None:
        """Add rows, or raise the error of the first wrong one."""
        for first in range(0, len(rows), _BLOCK):
            block = rows[first : first + _BLOCK]
            found = self._at_once(block)
            if found is None or any(
                self._shape(name, part) != part.shape[1:] for name, part in found.items()
            ):
                found = self._one_by_one(block)
            for name, part in found.items():
                self._parts[name].append(part)
            self._count += len(block)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the inputs."""
        return {
            name: parts[0] if len(parts) == 1 else np.concatenate(parts)
            for name, parts in self._parts.items()
            if parts
        }

    def _shape(self, name: str, part: np.ndarray) -> tuple[int, ...]:
        return self._shapes.setdefault(name, part.shape[1:])

    def _at_once(self, rows: Sequence[object]) -> dict[str, np.ndarray] | None:
        """Read some rows at once; return None if this is not possible or a row is wrong."""
        declared = self._declared
        if self._named and all(is_object(row) and row.keys() == declared.keys() for row in rows):
            columns = {name: [row[name] for row in rows] for name in declared}
        elif not self._named and not any(is_object(row) for row in rows):
            columns = {next(iter(declared)): rows}
        else:
            return None
        arrays = {name: _stacked(column, declared[name].dtype) for name, column in columns.items()}
        return None if any(array is None for array in arrays.values()) else arrays

    def _one_by_one(self, rows: Sequence[object]) -> dict[str, np.ndarray]:
        found: dict[str, list[np.ndarray]] = {name: [] for name in self._declared}
        for k, row in enumerate(rows, self._count):
            if self._named and not is_object(row):
                raise invalid_argument(f"Expecting object but got list at item {k} of input list")
            if not self._named and is_object(row):
                raise invalid_argument(f"Expecting value/list but got object at item {k} of input list")
            for name, value in row.items() if self._named else [(next(iter(self._declared)), row)]:
                key = f" key: {name}" if self._named else ""
                try:
                    array = self._read(name, value)
                except ServingError as error:
                    raise invalid_argument(
                        f"Failed to process element: {k}{key} of 'instances' list. "
                        f"Error: {error.code.name}: {error.message}"
                    ) from error
                found[name].append(array)
            if self._named and row.keys() != self._declared.keys():
                raise invalid_argument(
                    f"Failed to process element: {k} of 'instances' list. JSON object: {show(row)} "
                    f"keys must be equal to: {','.join(sorted(self._declared))}"
                )
        return {name: np.stack(arrays) for name, arrays in found.items() if arrays}

    def _read(self, name: str, value: object) -> np.ndarray:
        if name not in self._declared:
            raise invalid_argument(f"JSON object: does not have named input: {name}")
        array = read_tensor(value, self._declared[name].dtype)
        expected = self._shape(name, array[None])
        if np.prod(expected, dtype=np.int64) != array.size:
            size = np.prod(expected, dtype=np.int64)
            raise invalid_argument(f"Expecting tensor size: {size} but got: {array.size}")
        if expected != array.shape:
            raise invalid_argument(f"Expecting shape {_list(expected)} but got: {_list(array.shape)}")
        return array


def _at_once(rows: object, declared: Mapping[str, meta_graph_pb2.TensorInfo]) -> np.ndarray | None:
    """Read unparsed rows of the only input; return None if they are something else or a row is wrong."""
    if len(declared) > 1:
        return None
    try:
        return numbers_at_once(rows, next(iter(declared.values())).dtype)
    except ParseError:
        raise
    except ServingError:  # raised again with the number of its row
        return None


def _stacked(column: list, dtype: int) -> np.ndarray | None:
    """Read an input from several rows at once; return None if this is not possible or a value is wrong."""
    try:
        if not any(isinstance(value, JsonArray) for value in column):
            return read_tensor(column, dtype)
        arrays = [value.array(numpy_type(dtype)) for value in column]
        return None if any(array is None for array in arrays) else np.stack(arrays)
    except (ServingError, AttributeError, TypeError, ValueError):
        return None


def _list(shape: tuple[int, ...]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"
