"""Tensors from JSON by the rules of Serving's json_tensor.cc, written by hand."""

import json

import numpy as np
import pytest

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import types_pb2
from serving.rest.json_tensors import read_tensor
from serving.rest.json_text import parse_object

FLOAT, INT, STRING = types_pb2.DT_FLOAT, types_pb2.DT_INT32, types_pb2.DT_STRING


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (1.5, FLOAT, np.float32(1.5)),
        ([1, 2.5, float("nan")], FLOAT, np.float32([1, 2.5, np.nan])),
        ([[1e39]], FLOAT, np.float32([[np.inf]])),
        ([2**64 - 1], types_pb2.DT_UINT64, np.uint64([2**64 - 1])),
        ([-(2**63)], types_pb2.DT_INT64, np.int64([-(2**63)])),
        ([True, False], types_pb2.DT_BOOL, np.array([True, False])),
        (["a", {"b64": "Yg=="}], STRING, np.array([b"a", b"b"], object)),
        ([], FLOAT, np.float32([])),
    ],
)
def test_tensors(value, dtype, expected):
    found = read_tensor(value, dtype)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        ([1.0, True], FLOAT, "JSON Value: true Type: True is not of expected type: float"),
        ([1, 1.0], INT, "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        ([[1, 2], [3]], INT, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ([[1, 2], 3], INT, "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ([1, [2]], INT, "Encountered list at unexpected level: 1 expected < 1"),
        ([{"a": 1}], INT, 'JSON Value: {\n    "a": 1\n} Type: Object is not of expected type: int32'),
        ([300], types_pb2.DT_UINT8, "JSON Value: 300 Type: Number is not of expected type: uint8"),
        ([1.0], types_pb2.DT_HALF, "Conversion of JSON Value: 1.0 to type: half"),
    ],
)
def test_errors(value, dtype, message):
    with pytest.raises(ServingError) as caught:
        read_tensor(value, dtype)
    assert caught.value.message == message


def test_the_wrong_one_among_many_is_named():
    """The path of an error goes through rows, not through numbers."""
    rows = np.zeros((40, 200), int).tolist()
    rows[33][150] = None
    document = parse_object(json.dumps({"inputs": rows}).encode())
    with pytest.raises(ServingError, match=r"^JSON Value: null Type: Null is not of expected type: uint8"):
        read_tensor(document["inputs"], types_pb2.DT_UINT8)


@pytest.mark.parametrize("rows", [5, 2000])
def test_long_lists_with_nan_and_infinity(rows):
    """Python's parser and NumPy as the other answer."""
    array = np.random.default_rng(0).normal(size=(rows, 40))
    array[0, 0], array[-1, -1], array[rows // 2, 3] = np.nan, np.nan, -np.inf
    document = parse_object(json.dumps({"inputs": array.tolist()}).encode())
    np.testing.assert_array_equal(read_tensor(document["inputs"], FLOAT), np.float32(array))


def test_a_long_list_of_strings():
    strings = [f'{k}], ["{{' for k in range(5000)]
    document = parse_object(json.dumps({"inputs": [strings, strings]}).encode())
    assert read_tensor(document["inputs"], STRING).tolist() == [[text.encode() for text in strings]] * 2


@pytest.mark.parametrize("size", [30, 3000])
def test_the_first_of_two_wrong_ones_is_named(size):
    rows = np.zeros((size, 3), int).tolist()
    rows[size // 3], rows[size // 2][1] = [1, 2], 0.5
    document = parse_object(json.dumps({"inputs": rows}).encode())
    with pytest.raises(ServingError, match=r"^Encountered list at unexpected size: 2 at level: 1 expected"):
        read_tensor(document["inputs"], types_pb2.DT_INT32)


def test_integers_beyond_64_bits():
    document = parse_object(json.dumps({"inputs": [10**20] * 100}).encode())
    np.testing.assert_array_equal(read_tensor(document["inputs"], FLOAT), np.full(100, 1e20, np.float32))
    with pytest.raises(ServingError, match="is not of expected type: uint8"):
        read_tensor(document["inputs"], types_pb2.DT_UINT8)
