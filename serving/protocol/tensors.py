"""Conversion between `TensorProto` and NumPy arrays, without TensorFlow.

Messages are read as by TensorFlow's `Tensor::FromProto` (tensorflow/core/framework/tensor.cc). Values are raw
bytes in `tensor_content`, or are in the typed field of the dtype. If the field has too few values, the last
one is repeated; if it has none, all are zero.
"""

import math

import ml_dtypes
import numpy as np

from serving.protocol.packed_fields import append_packed, packed_floats
from serving.protocol.stubs import tensor_pb2, types_pb2

_MAX_RANK = 254
_MAX_ELEMENTS = 2**63 - 1

_TYPES: dict[int, tuple[np.dtype, str]] = {
    types_pb2.DT_FLOAT: (np.dtype("<f4"), "float_val"),
    types_pb2.DT_DOUBLE: (np.dtype("<f8"), "double_val"),
    types_pb2.DT_HALF: (np.dtype("<f2"), "half_val"),
    types_pb2.DT_BFLOAT16: (np.dtype(ml_dtypes.bfloat16), "half_val"),
    types_pb2.DT_COMPLEX64: (np.dtype("<c8"), "scomplex_val"),
    types_pb2.DT_COMPLEX128: (np.dtype("<c16"), "dcomplex_val"),
    types_pb2.DT_INT8: (np.dtype("i1"), "int_val"),
    types_pb2.DT_INT16: (np.dtype("<i2"), "int_val"),
    types_pb2.DT_INT32: (np.dtype("<i4"), "int_val"),
    types_pb2.DT_INT64: (np.dtype("<i8"), "int64_val"),
    types_pb2.DT_UINT8: (np.dtype("u1"), "int_val"),
    types_pb2.DT_UINT16: (np.dtype("<u2"), "int_val"),
    types_pb2.DT_UINT32: (np.dtype("<u4"), "uint32_val"),
    types_pb2.DT_UINT64: (np.dtype("<u8"), "uint64_val"),
    types_pb2.DT_BOOL: (np.dtype("?"), "bool_val"),
    types_pb2.DT_STRING: (np.dtype(object), "string_val"),
}
_NUMBERS = {dtype: number for number, (dtype, _) in _TYPES.items()}

# Fields of fixed-width values, whose bytes in the message are those in memory.
_FLOATS = {"float_val": "<f4", "double_val": "<f8", "scomplex_val": "<f4", "dcomplex_val": "<f8"}


def dtype_name(number: int) -> str:
    """Return TensorFlow's name of a dtype, such as `uint8` or `float`."""
    return types_pb2.DataType.Name(number).removeprefix("DT_").lower()


def numpy_type(number: int) -> np.dtype | None:
    """Return NumPy's counterpart of a dtype, or None if it has none."""
    return _TYPES[number][0] if number in _TYPES else None


def shape_of(proto: tensor_pb2.TensorProto) -> tuple[int, ...]:
    """Return the shape that a message states, and check that its content fits.

    No memory is allocated for the values, however large the stated shape is.

    Raises:
        ValueError: If the dtype is unknown, a size is negative, there are more than 2^63 - 1 elements, or
            `tensor_content` does not have the length for the shape or is given for strings.
    """
    return _checked_shape(proto, len(proto.tensor_content))


def _checked_shape(proto: tensor_pb2.TensorProto, content: int) -> tuple[int, ...]:
    # Takes the length of the content, because each access to a `bytes` field copies it.
    if proto.dtype == types_pb2.DT_INVALID or proto.dtype not in types_pb2.DataType.values():
        raise ValueError(f"dtype {proto.dtype} is unknown")
    rank = len(proto.tensor_shape.dim)
    if rank > _MAX_RANK:  # before multiplying: a message has room for millions of sizes
        raise ValueError(f"rank {rank} is more than {_MAX_RANK}")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    elements = math.prod(shape)
    if any(size < 0 for size in shape) or elements > _MAX_ELEMENTS:
        raise ValueError(f"{format_shape(shape)} is not a shape")
    if content and elements and proto.dtype in _TYPES:
        if proto.dtype == types_pb2.DT_STRING:
            raise ValueError("strings are read from `string_val` only")
        expected = elements * _TYPES[proto.dtype][0].itemsize
        if content != expected:
            raise ValueError(f"{content} bytes, but {format_shape(shape)} needs {expected}")
    return shape


def to_array(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """Convert a message to an array.

    Returns:
        Array of the stated shape and dtype; strings as `bytes` in an object array. Where possible, it is a
        read-only view of the message's bytes.

    Raises:
        ValueError: As for `shape_of`, and for a dtype without a counterpart in NumPy.
    """
    content = proto.tensor_content
    shape = _checked_shape(proto, len(content))
    if proto.dtype not in _TYPES:
        raise ValueError(f"dtype {dtype_name(proto.dtype)} is not supported")
    dtype, field = _TYPES[proto.dtype]
    elements = math.prod(shape)
    if elements == 0:
        return np.empty(shape, dtype)
    if content:
        return np.frombuffer(content, dtype).reshape(shape)
    given = _field_values(proto, field, dtype)[:elements]
    if given.size == elements:
        return given.reshape(shape)
    array = np.full(elements, given[-1] if given.size else (b"" if dtype.hasobject else 0), dtype)
    array[: given.size] = given
    return array.reshape(shape)


def _field_values(proto: tensor_pb2.TensorProto, field: str, dtype: np.dtype) -> np.ndarray:
    if field in _FLOATS:
        values = packed_floats(proto, field, np.dtype(_FLOATS[field]))
        if dtype.kind == "c":
            values = values[: values.size // 2 * 2]
        return values.view(dtype)
    values = getattr(proto, field)[:]
    if field == "half_val":  # the bits of the number
        return np.array(values, np.uint16).view(dtype)
    if field == "int_val":  # 32 bits in the message; smaller dtypes keep the low ones
        return np.array(values, np.int32).astype(dtype)
    return np.array(values, dtype)


def write(array: np.ndarray, proto: tensor_pb2.TensorProto, as_content: bool = True) -> None:
    """Fill an empty message with an array.

    Fill a message inside a larger one in place: protobuf copies a message that is assigned later.

    Args:
        array: Array of a dtype that TensorFlow has; strings as `bytes` in an object array.
        proto: Message to fill.
        as_content: Write numbers as raw bytes in `tensor_content`. Otherwise they go to the typed field of
            their dtype (`float_val`, `int_val`, ...). Strings always go to `string_val`.

    Raises:
        ValueError: If the dtype has no counterpart in TensorFlow.
    """
    array = np.asarray(array)
    if array.dtype not in _NUMBERS:
        raise ValueError(f"an array of dtype {array.dtype} has no counterpart in TensorFlow")
    proto.dtype = _NUMBERS[array.dtype]
    proto.tensor_shape.SetInParent()  # a scalar has a shape too
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if array.dtype.hasobject:
        proto.string_val.extend(array.ravel().tolist())
    elif as_content:
        proto.tensor_content = array.tobytes()
    else:
        _write_field(array, proto, _TYPES[proto.dtype][1])


def _write_field(array: np.ndarray, proto: tensor_pb2.TensorProto, field: str) -> None:
    flat = np.ascontiguousarray(array).ravel()
    if field in _FLOATS:
        append_packed(proto, field, flat.view(_FLOATS[field]).tobytes())
    elif field == "half_val":
        proto.half_val.extend(flat.view(np.uint16).tolist())
    else:
        getattr(proto, field).extend(flat.tolist())


def to_proto(array: np.ndarray, as_content: bool = True) -> tensor_pb2.TensorProto:
    """Return an array as a message. Arguments and errors are those of `write`."""
    proto = tensor_pb2.TensorProto()
    write(array, proto, as_content)
    return proto


def format_shape(shape: tuple[int, ...]) -> str:
    """Format a shape as TensorFlow does: `[1,256,256,3]`, and `?` for a size that is not fixed (-1)."""
    return "[" + ",".join("?" if size == -1 else str(size) for size in shape) + "]"
