"""Tensors from JSON.

The rules and the error messages are TensorFlow Serving's (util/json_tensor.cc).
"""

from collections.abc import Sequence

import numpy as np
from grpc import StatusCode

from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import types_pb2
from serving.protocol.tensors import dtype_name, numpy_type
from serving.rest.json_array import MAX_RANK, JsonArray, nested_too_deeply, out_of_range
from serving.rest.json_syntax import to_bytes
from serving.rest.json_values import decode_base64, json_type, show

# Dtypes that Serving reads -> Python types that their values may have.
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

_BLOCK = 1024  # values that are checked at once


def read_tensor(value: object, dtype: int) -> np.ndarray:
    """Convert a value, or nested lists of values, to an array.

    Args:
        value: Value from `json_text.parse_object`.
        dtype: TensorFlow's number of the required dtype.

    Raises:
        ServingError: INVALID_ARGUMENT, if a value is of another type or the lists are not rectangular;
            UNIMPLEMENTED, if JSON has no values for the dtype.
    """
    array = numbers_at_once(value, dtype)
    if array is not None:
        return array
    if isinstance(value, JsonArray) and not _is_numeric(dtype):
        value = value.values()
    shape = _shape(value)
    elements = _Elements(dtype)
    elements.add(value, shape, at_once=False)  # it was tried above
    return elements.array().reshape(shape)


def numbers_at_once(value: object, dtype: int) -> np.ndarray | None:
    """Convert an unparsed list of numbers to an array, or return None for any other value.

    Raises:
        ServingError: INVALID_ARGUMENT, if the dtype cannot hold an integer of a rectangular list.
    """
    return value.array(numpy_type(dtype)) if isinstance(value, JsonArray) and _is_numeric(dtype) else None


def _is_numeric(dtype: int) -> bool:
    return dtype in _VALUE_TYPES and numpy_type(dtype).kind in "iuf"


def _shape(value: object) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(value, list) and value:
        shape.append(len(value))
        if len(shape) > MAX_RANK:
            raise nested_too_deeply()
        value = value[0]
    if isinstance(value, JsonArray):
        shape += value.shape()
    elif isinstance(value, list):
        shape.append(0)
    if len(shape) > MAX_RANK:
        raise nested_too_deeply()
    return tuple(shape)


class _Elements:
    """Elements of a tensor, in order.

    Args:
        dtype: TensorFlow's number of the dtype.
    """

    def __init__(self, dtype: int) -> None:
        self._dtype = dtype
        self._target = numpy_type(dtype)
        self._types = _VALUE_TYPES.get(dtype, set())
        self._limits = np.iinfo(self._target) if _is_numeric(dtype) and self._target.kind in "iu" else None
        self._arrays: list[np.ndarray] = []
        self._values: list = []  # those after the last array

    def add(self, value: object, shape: tuple[int, ...], level: int = 0, at_once: bool = True) -> None:
        """Add a part of the tensor, or raise the error of the first wrong element.

        Args:
            value: Value, list of values, or unparsed list.
            shape: Shape of the tensor.
            level: Number of lists around the value.
            at_once: Try to parse an unparsed list as one array; False if this is known to fail.
        """
        if not isinstance(value, list | JsonArray):
            if level != len(shape):
                raise invalid_argument(
                    f"JSON Value: {show(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                    f"Expected at level: {len(shape)}"
                )
            self._values.append(self._leaf(value))
            return
        if isinstance(value, JsonArray) and at_once and self._add_at_once(value, shape[level:]):
            return
        if level >= len(shape):
            raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(value) != shape[level]:
            raise invalid_argument(
                f"Encountered list at unexpected size: {len(value)} at level: {level} "
                f"expected size: {shape[level]}"
            )
        if isinstance(value, list):
            self._add_all(value, shape, level)
            return
        for group, length in value.groups():
            if length == 1:
                (item,) = group.items()
                self.add(item, shape, level + 1, at_once or length < len(value))
            elif not self._add_at_once(group, shape[level + 1 :], 1):
                self._add_all(group.items(), shape, level)

    def array(self) -> np.ndarray:
        """Return the elements, in one dimension."""
        self._close()
        return self._arrays[0] if len(self._arrays) == 1 else np.concatenate(self._arrays)

    def _add_at_once(self, value: JsonArray, shape: tuple[int, ...], axis: int = 0) -> bool:
        array = numbers_at_once(value, self._dtype)
        if array is None or array.shape[axis:] != shape:
            return False
        self._close()
        self._arrays.append(array.ravel())
        return True

    def _add_all(self, values: Sequence[object], shape: tuple[int, ...], level: int) -> None:
        # Numbers are checked in blocks, so finding a wrong one takes no longer than the parsing did.
        is_row = level == len(shape) - 1 and self._dtype != types_pb2.DT_STRING
        for first in range(0, len(values), _BLOCK):
            block = values[first : first + _BLOCK]
            if is_row and set(map(type, block)) <= self._types and self._are_in_range(block):
                self._values += block
            else:
                for value in block:
                    self.add(value, shape, level + 1)

    def _are_in_range(self, values: Sequence) -> bool:
        if self._limits is None or not values:
            return True
        return self._limits.min <= min(values) and max(values) <= self._limits.max

    def _leaf(self, value: object) -> object:
        if self._dtype == types_pb2.DT_STRING and isinstance(value, dict):
            return decode_base64(value)
        name = dtype_name(self._dtype)
        if not self._types and not isinstance(value, dict):
            message = f"Conversion of JSON Value: {show(value)} to type: {name}"
            raise ServingError(StatusCode.UNIMPLEMENTED, message)
        if type(value) not in self._types:
            raise invalid_argument(
                f"JSON Value: {show(value)} Type: {json_type(value)} is not of expected type: {name}"
            )
        if not self._are_in_range([value]):
            raise out_of_range(value, name)
        return to_bytes(value) if self._dtype == types_pb2.DT_STRING else value  # type: ignore[arg-type]

    def _close(self) -> None:
        """Turn the values after the last array into an array."""
        if not self._values and self._arrays:
            return
        kind = np.float64 if self._target is not None and self._target.kind == "f" else self._target
        with np.errstate(over="ignore"):  # too large for float32 is infinite, as in Serving
            self._arrays.append(np.array(self._values, kind).astype(self._target))
        self._values = []
