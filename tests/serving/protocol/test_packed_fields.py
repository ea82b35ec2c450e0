"""Fields of floats as blocks of memory, held against protobuf's own reading and writing."""

import numpy as np
import pytest

from serving.protocol.packed_fields import append_packed, packed_floats
from serving.protocol.stubs import tensor_pb2

VALUES = np.random.default_rng(0).normal(size=300)


@pytest.mark.parametrize(("field", "dtype"), [("float_val", "<f4"), ("double_val", "<f8")])
@pytest.mark.parametrize("size", [0, 1, 31, 300])
def test_both_ways(field, dtype, size):
    values = VALUES[:size].astype(dtype)
    expected = tensor_pb2.TensorProto(dtype=1, tensor_content=b"x", **{field: values.tolist()})
    np.testing.assert_array_equal(packed_floats(expected, field, np.dtype(dtype)), values)
    written = tensor_pb2.TensorProto(dtype=1, tensor_content=b"x")
    append_packed(written, field, values.tobytes())
    assert written == expected


def test_fields_that_are_not_packed_are_read():
    """Proto2 writers send each value with a tag of its own, here field 5."""
    wire = b"".join(b"\x2d" + np.float32(value).tobytes() for value in (1.5, -2.0))
    message = tensor_pb2.TensorProto.FromString(wire)
    assert packed_floats(message, "float_val", np.dtype("<f4")).tolist() == [1.5, -2.0]


def test_fields_beside_it_do_not_matter():
    """Those of a newer TensorFlow neither: here field 1000, a string."""
    known = tensor_pb2.TensorProto(
        dtype=1, double_val=[7.0, 8.0], string_val=[b"text"], float_val=[1.5, -2.0]
    )
    known.tensor_shape.dim.add(size=2)
    message = tensor_pb2.TensorProto.FromString(known.SerializeToString() + b"\xc2\x3e\x04more")
    before = message.SerializeToString()
    assert packed_floats(message, "float_val", np.dtype("<f4")).tolist() == [1.5, -2.0]
    assert message.SerializeToString() == before
