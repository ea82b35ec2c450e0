"""Values of JSON by the rules of Serving's json_tensor.cc, written by hand."""

import base64

import ml_dtypes
import numpy as np
import orjson
import pytest

from serving.protocol.serving_error import ServingError
from serving.rest.json_values import decode_base64, show, to_json


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
