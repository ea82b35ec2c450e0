"""Held against TensorFlow's own conversion, which the package does not use."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serving.protocol.stubs import tensor_pb2, types_pb2
from serving.protocol.tensors import format_shape, shape_of, to_array, to_proto

DTYPES = ["u1", "<i4", "<i8", "<f4", "<f8", "<f2", "?", "<u2", "i1"]


def proto(dtype, shape, **fields):
    message = tensor_pb2.TensorProto(dtype=dtype, **fields)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    )
)
def test_any_array_as_tensorflow_reads_and_writes_it(array):
    np.testing.assert_array_equal(tf.make_ndarray(to_proto(array)), array)
    for written in (tf.make_tensor_proto(array), to_proto(array)):
        read = to_array(written)
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype


@pytest.mark.parametrize(
    ("dtype", "field", "values"),
    [
        (types_pb2.DT_FLOAT, "float_val", [0.5, 1.5]),
        (types_pb2.DT_UINT8, "int_val", [7, 255]),
        (types_pb2.DT_HALF, "half_val", [0x3C00, 0x4000]),
        (types_pb2.DT_INT64, "int64_val", [2**40, -1]),
        (types_pb2.DT_BOOL, "bool_val", [True, False]),
    ],
)
def test_last_value_is_repeated(dtype, field, values):
    message = proto(dtype, [2, 3], **{field: values})
    expected = tf.io.parse_tensor(message.SerializeToString(), tf.as_dtype(dtype)).numpy()
    np.testing.assert_array_equal(to_array(message), expected)
    assert to_array(message).dtype == expected.dtype


def test_no_value_means_zeros():
    message = proto(types_pb2.DT_FLOAT, [2, 2])
    expected = tf.io.parse_tensor(message.SerializeToString(), tf.float32).numpy()
    np.testing.assert_array_equal(to_array(message), expected)
    np.testing.assert_array_equal(expected, np.zeros((2, 2)))


def test_strings():
    message = to_proto(np.array([b"a", b"\xff"], object))
    np.testing.assert_array_equal(tf.make_ndarray(message), np.array([b"a", b"\xff"], object))
    np.testing.assert_array_equal(to_array(message), np.array([b"a", b"\xff"], object))


@pytest.mark.parametrize(
    "message",
    [
        proto(types_pb2.DT_UINT8, [2, 3], tensor_content=b"12345"),
        proto(types_pb2.DT_FLOAT, [2, 3], tensor_content=b"1" * 25),
        proto(types_pb2.DT_UINT8, [-2, 3], tensor_content=b"123456"),
        proto(types_pb2.DT_UINT8, [-2, -3], tensor_content=b"123456"),
        proto(types_pb2.DT_UINT8, [2**40, 2**40]),
        proto(types_pb2.DT_INVALID, [1], tensor_content=b"1"),
        proto(77, [1], tensor_content=b"1"),
        proto(types_pb2.DT_UINT8, [1] * 255, tensor_content=b"1"),
        proto(types_pb2.DT_UINT8, [2**62] * 100_000),
    ],
)
def test_malformed(message):
    # TensorFlow's reader refuses each of them too.
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
        tf.io.parse_tensor(message.SerializeToString(), tf.as_dtype(message.dtype or 1))
    with pytest.raises(ValueError, match=r"is not a shape|is unknown|bytes, but|is more than"):
        shape_of(message)


def test_shape_is_told_without_allocating():
    assert shape_of(proto(types_pb2.DT_FLOAT, [2**20, 2**20, 2**20])) == (2**20,) * 3


def test_shape_is_written_as_tensorflow_does():
    assert format_shape((-1, 256, 3)) == "[?,256,3]"


def test_array_without_a_counterpart():
    with pytest.raises(ValueError, match="datetime64"):
        to_proto(np.array(["2020-01-01"], "datetime64[D]"))


@pytest.mark.parametrize("as_content", [True, False])
@pytest.mark.parametrize(
    "dtype",
    [
        *["f4", "f8", "f2", "c8", "c16", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"],
        tf.bfloat16.as_numpy_dtype,
    ],
)
def test_every_dtype_in_both_forms_as_tensorflow_reads_it(dtype, as_content):
    array = np.array([[0, 1, 2], [3, 100, 127]]).astype(dtype)
    message = to_proto(array, as_content)
    assert bool(message.tensor_content) == as_content
    read = tf.io.parse_tensor(message.SerializeToString(), tf.as_dtype(array.dtype)).numpy()
    np.testing.assert_array_equal(read, array)
    np.testing.assert_array_equal(to_array(message), array)
    np.testing.assert_array_equal(to_array(tf.make_tensor_proto(array)), array)


def test_typed_fields_are_those_of_tensorflow():
    """`Tensor::AsProtoField` writes every value, and no content."""
    message = to_proto(np.float32([[1, 1, 1]]), as_content=False)
    assert list(message.float_val) == [1, 1, 1]
    assert list(to_proto(np.complex64([1 + 2j]), as_content=False).scomplex_val) == [1, 2]
    assert list(to_proto(np.uint8([7, 7]), as_content=False).int_val) == [7, 7]
    assert list(to_proto(np.float16([1]), as_content=False).half_val) == [0x3C00]
