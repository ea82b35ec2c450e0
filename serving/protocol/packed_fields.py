"""Packed fields of floats in protobuf messages, read and written as blocks of memory.

In the wire format, a packed `repeated float` is a tag, a length, and the values with the same bytes as in
memory (https://protobuf.dev/programming-guides/encoding/#packed). Python's protobuf gives no access to these
bytes and makes a Python object of every value, which takes 20 times as long.
"""

import numpy as np
from google.protobuf.message import Message

_LENGTH_DELIMITED = 2  # wire type


def packed_floats(message: Message, field: str, dtype: np.dtype) -> np.ndarray:
    """Return the values of a `repeated float` or `repeated double` field.

    Args:
        message: Message with the field.
        field: Name of the field.
        dtype: `<f4` for float, `<f8` for double.

    Returns:
        Array [N]; read-only.
    """
    # Copying the whole message copies memory; copying one field loops over its values.
    alone = type(message)()
    alone.CopyFrom(message)
    alone.DiscardUnknownFields()
    for other, _ in alone.ListFields():
        if other.name != field:
            alone.ClearField(other.name)
    count = len(getattr(alone, field))
    data = alone.SerializeToString()  # tag, length, values
    return np.frombuffer(data, dtype, count, len(data) - count * dtype.itemsize)


def append_packed(message: Message, field: str, values: bytes) -> None:
    """Append values to a `repeated float` or `repeated double` field.

    Args:
        message: Message with the field.
        field: Name of the field.
        values: The values, little-endian.
    """
    if values:
        tag = message.DESCRIPTOR.fields_by_name[field].number << 3 | _LENGTH_DELIMITED
        message.MergeFromString(_varint(tag) + _varint(len(values)) + values)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
