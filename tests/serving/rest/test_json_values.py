"""Values of JSON by the rules of Serving's json_tensor.cc, written by hand."""

import base64
import json

import ml_dtypes
import numpy as np
import orjson
import pytest

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import types_pb2
from serving.rest.json_text import parse_object
from serving.rest.json_values import decode_base64, read_tensor, show, to_json

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
        ([300], types_pb2.DT_UINT8, "JSON Value: [300] holds numbers that are no uint8"),
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


@pytest.mark.parametrize("text", ["YWJj", "YW\nJj", " Y W J j ", "YWI", "YWI=", "YW", "YQ=="])
def test_base64_with_blanks_and_without_padding(text):
    bare = "".join(text.split()).rstrip("=")
    assert decode_base64({"b64": text}) == base64.b64decode(bare + "=" * (-len(bare) % 4))


@pytest.mark.parametrize("text", ["Y", "Y===", "YQ=", "YWI==", "Y$==", "Y=Q=", "grün"])
def test_what_is_no_base64(text):
    with pytest.raises(ServingError, match="Unable to base64 decode"):
        decode_base64({"b64": text})


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        ("y", np.float32([0.2, 3.0, np.nan, np.inf, -np.inf]), "[0.2,3.0,NaN,Infinity,-Infinity]"),
        ("y", np.float32([[1.5], [np.nan]]), "[[1.5],[NaN]]"),
        ("y", np.float32(np.nan), "NaN"),
        ("y", np.uint8([255]), "[255]"),
        ("y", np.array([True]), "[true]"),
        ("y", np.array(["grün".encode()], object), '["grün"]'),
        ("y_bytes", np.array([b"\xff"], object), '[{"b64":"/w=="}]'),
    ],
)
def test_outputs(name, array, text):
    assert orjson.dumps(to_json(name, array), option=orjson.OPT_SERIALIZE_NUMPY).decode() == text


def test_text_that_is_not_utf8_is_written_as_it_is():
    assert orjson.dumps(to_json("y", np.array([b'a"\xff'], object))) == b'["a\\"\xff"]'


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.complex64, np.uint16])
def test_dtypes_that_serving_does_not_write(dtype):
    with pytest.raises(ServingError, match="Failed to write JSON value for tensor type: "):
        to_json("y", np.zeros(1, dtype))


def test_quoted_values_are_short():
    assert show({"a": [1, "b"]}) == '{\n    "a": [1, "b"]\n}'
    assert len(show(list(range(10_000)))) == 256
    assert len(show({"x" * 1000: "y" * 1000})) == 256
